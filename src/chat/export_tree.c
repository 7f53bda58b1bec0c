/* From a conversation's tree to the order in which its messages are written. */
#include "chat/export.h"

/* Index of the row with that seq, or -1. tree is sorted by seq. */
static ptrdiff_t find_row(const struct tree_row *tree, size_t n, int64_t seq)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (tree[mid].seq < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && tree[low].seq == seq ? (ptrdiff_t)low : -1;
}

/* The children that come before their parents wait in a list behind it, by seq. */
struct waiting {
    ptrdiff_t *first, *last; /* of the children that wait for row i; -1: none */
    ptrdiff_t *next;
    bool *is_written;
};

static void wait_for(struct waiting *w, ptrdiff_t parent, ptrdiff_t child)
{
    if (w->last[parent] < 0)
        w->first[parent] = child;
    else
        w->next[w->last[parent]] = child;
    w->last[parent] = child;
}

/* Writes row i and all that waited for it; depth first, with the lists as the stack. */
static size_t write_row(struct waiting *w, const struct tree_row *tree, ptrdiff_t i, int64_t *out)
{
    size_t n = 0;
    ptrdiff_t todo = i; /* w->next links what is still to be written */
    w->next[i] = -1;
    while (todo >= 0) {
        ptrdiff_t row = todo;
        todo = w->next[row];
        out[n++] = tree[row].seq;
        w->is_written[row] = true;
        if (w->first[row] >= 0) {
            w->next[w->last[row]] = todo;
            todo = w->first[row];
        }
    }
    return n;
}

size_t export_all(const struct tree_row *tree, size_t n, int64_t *out_seqs)
{
    size_t n_out = 0;
    struct waiting w = {
        .first = xmalloc((n + 1) * sizeof(ptrdiff_t)),
        .last = xmalloc((n + 1) * sizeof(ptrdiff_t)),
        .next = xmalloc((n + 1) * sizeof(ptrdiff_t)),
        .is_written = xcalloc(n + 1, sizeof(bool)),
    };
    for (size_t i = 0; i < n; i++)
        w.first[i] = w.last[i] = w.next[i] = -1;
    for (size_t i = 0; i < n; i++) {
        ptrdiff_t parent = tree[i].parent_seq ? find_row(tree, n, tree[i].parent_seq) : -1;
        if (parent >= 0 && !w.is_written[parent])
            wait_for(&w, parent, (ptrdiff_t)i);
        else
            n_out += write_row(&w, tree, (ptrdiff_t)i, out_seqs + n_out);
    }
    free(w.first);
    free(w.last);
    free(w.next);
    free(w.is_written);
    return n_out;
}

/* The last row of the newest path: from the newest root always the newest child. -1: no rows. */
static ptrdiff_t newest_leaf(const struct tree_row *tree, size_t n)
{
    ptrdiff_t at = -1, *newest_child = xmalloc((n + 1) * sizeof *newest_child);
    for (size_t i = 0; i < n; i++)
        newest_child[i] = -1;
    for (size_t i = 0; i < n; i++) {
        ptrdiff_t parent = tree[i].parent_seq ? find_row(tree, n, tree[i].parent_seq) : -1;
        if (parent >= 0)
            newest_child[parent] = (ptrdiff_t)i;
        else
            at = (ptrdiff_t)i;
    }
    for (size_t steps = 0; at >= 0 && newest_child[at] >= 0 && steps < n; steps++)
        at = newest_child[at];
    free(newest_child);
    return at;
}

size_t export_path(const struct tree_row *tree, size_t n, int64_t *out_seqs)
{
    ptrdiff_t at = -1;
    size_t n_out = 0;
    for (size_t i = 0; i < n && at < 0; i++)
        at = tree[i].is_leaf ? (ptrdiff_t)i : -1;
    if (at < 0)
        at = newest_leaf(tree, n);
    for (; at >= 0 && n_out < n; at = tree[at].parent_seq ? find_row(tree, n, tree[at].parent_seq) : -1)
        out_seqs[n_out++] = tree[at].seq;
    for (size_t i = 0; i < n_out / 2; i++) {
        int64_t other = out_seqs[n_out - 1 - i];
        out_seqs[n_out - 1 - i] = out_seqs[i];
        out_seqs[i] = other;
    }
    return n_out;
}
