/* Build tool: embed_sql OUT.c NNNN_name.sql... writes the migrations as the table store_migrations, in their order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what, const char *path)
{
    fprintf(stderr, "embed_sql: %s: %s\n", path, what);
    exit(1);
}

static void embed(FILE *out, const char *path, int number)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    if (!dot || atoi(name) != number)
        die("migrations are NNNN_name.sql, numbered from 0001 without gaps", path);
    FILE *in = fopen(path, "rb");
    if (!in)
        die("cannot be read", path);
    fprintf(out, "    {\"%.*s\",\n     \"", (int)(dot - name), name);
    for (int c; (c = getc(in)) != EOF;) {
        if (c == '\n')
            fputs("\\n\"\n     \"", out);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < ' ' || c > '~')
            fprintf(out, "\\%03o", (unsigned)c);
        else
            putc(c, out);
    }
    fputs("\"},\n", out);
    fclose(in);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        die("no migrations given", argc > 1 ? argv[1] : "usage");
    FILE *out = fopen(argv[1], "wb");
    if (!out)
        die("cannot be written", argv[1]);
    fputs("/* Made by embed_sql. */\n#include \"store/store_migrate.h\"\n\n"
          "const struct store_migration store_migrations[] = {\n",
          out);
    for (int i = 2; i < argc; i++)
        embed(out, argv[i], i - 1);
    fputs("    {NULL, NULL},\n};\n", out);
    if (fclose(out) != 0)
        die("cannot be written", argv[1]);
    return 0;
}
