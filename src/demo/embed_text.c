/* Build-time tool: embed_text NAME IN OUT writes the bytes of IN as `static const unsigned char NAME[]` to OUT. */
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: embed_text NAME IN OUT\n", stderr);
        return 2;
    }
    FILE *in = fopen(argv[2], "rb");
    FILE *out = in ? fopen(argv[3], "w") : NULL;
    if (!in || !out) {
        perror(in ? argv[3] : argv[2]);
        return 1;
    }
    fprintf(out, "static const unsigned char %s[] = {", argv[1]);
    int c;
    for (long n = 0; (c = getc(in)) != EOF; n++)
        fprintf(out, "%s%d,", n % 24 ? "" : "\n", c);
    fputs("\n};\n", out);
    int bad = ferror(in) | ferror(out);
    bad |= fclose(out);
    fclose(in);
    return bad ? 1 : 0;
}
