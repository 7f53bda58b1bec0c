/* Records as CSV (RFC 4180). Pure. */
#ifndef HOB_API_ACTIVITY_H
#define HOB_API_ACTIVITY_H

#include "api/api_req.h"

#define ACTIVITY_CSV_HEAD                                                                                             \
    "time,request_id,user,key,server,model,route,status,code,stream,client_gone,held_ms,first_ms,total_ms,tokens_in," \
    "tokens_out,tokens_per_s,bytes_in,bytes_out\r\n"

/* One line. Text that a table program would take for a formula gets an apostrophe before it. */
void activity_add_csv(struct buf *out, const struct activity_row *a);

#endif
