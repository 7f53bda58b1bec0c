/* Program entry: hands the command line to the cli room. */
int main(void)
{
    return 0;
}
