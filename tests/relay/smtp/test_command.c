#include <string.h>

#include "relay/smtp/command.h"

#include "tests/support/test.h"

static struct command parse(const char *line)
{
    struct command command;
    command_parse(line, strlen(line), &command);
    return command;
}

/* Verbs are found in any case, and only whole ones. */
TEST(command, verbs)
{
    cr_assert_eq(parse("EHLO x").verb, COMMAND_EHLO);
    cr_assert_eq(parse("ehlo x").verb, COMMAND_EHLO);
    cr_assert_eq(parse("Mail FROM:<>").verb, COMMAND_MAIL);
    cr_assert_eq(parse("starttls").verb, COMMAND_STARTTLS);
    cr_assert_eq(parse("MAILX").verb, COMMAND_UNKNOWN);
    cr_assert_eq(parse("MAI").verb, COMMAND_UNKNOWN);
    cr_assert_eq(parse("").verb, COMMAND_UNKNOWN);
    cr_assert_eq(parse(" NOOP").verb, COMMAND_UNKNOWN);
    cr_assert_eq(parse("GET / HTTP/1.1").verb, COMMAND_FOREIGN);
    cr_assert_eq(parse("Subject: x").verb, COMMAND_FOREIGN);
    cr_assert_str_eq(command_name(COMMAND_RCPT), "RCPT");
    cr_assert_str_eq(command_name(COMMAND_UNKNOWN), "?");
    cr_assert_str_eq(command_name(COMMAND_FOREIGN), "?");
}

/* Arguments lose the space around them; paths their keyword. */
TEST(command, arguments)
{
    struct command command = parse("NOOP \t a b \t ");
    cr_assert_eq(command.argument_length, 3);
    cr_assert_eq(strncmp(command.argument, "a b", 3), 0);
    cr_assert(!parse("NOOP  ").has_argument);

    const char *path = NULL;
    size_t length = 0;
    command = parse("mail from: <a@b> SIZE=1");
    cr_assert(command_path(&command, &path, &length));
    cr_assert_eq(length, 12);
    cr_assert_eq(strncmp(path, "<a@b> SIZE=1", 12), 0);
    command = parse("RCPT FROM:<a@b>");
    cr_assert(!command_path(&command, &path, &length));
    command = parse("RCPT TO");
    cr_assert(!command_path(&command, &path, &length));
}

/* BDAT takes a number and perhaps LAST, nothing else. */
TEST(command, chunks)
{
    static const struct {
        const char *line;
        bool is_good;
        uint64_t bytes;
        bool is_last;
    } cases[] = {{"BDAT 0", true, 0, false},
                 {"BDAT 123 LAST", true, 123, true},
                 {"bdat 5  last", true, 5, true},
                 {"BDAT 281474976710656", true, 281474976710656, false},
                 {"BDAT 281474976710657", false, 0, false},
                 {"BDAT 99999999999999999999999999", false, 0, false},
                 {"BDAT", false, 0, false},
                 {"BDAT LAST", false, 0, false},
                 {"BDAT -1", false, 0, false},
                 {"BDAT 1x", false, 0, false},
                 {"BDAT 1LAST", false, 0, false},
                 {"BDAT 1 LAST x", false, 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct command command = parse(cases[i].line);
        uint64_t bytes = 7;
        bool is_last = false;
        cr_assert_eq(command_chunk(&command, &bytes, &is_last), cases[i].is_good, "%s",
                     cases[i].line);
        cr_assert_eq(bytes, cases[i].is_good ? cases[i].bytes : 7);
        cr_assert_eq(is_last, cases[i].is_last);
    }
}
