#include "speaking.h"

#include <stdlib.h>
#include <string.h>

#include <chat/options.h>

#include "output.h"
#include "tool.h"
#include "words.h"

int speaking_say(struct chatctl *c, int argc, char **argv)
{
        char text[CONTROL_TEXT_MAX_BYTES + 1];
        if (!words_join(text, CONTROL_TEXT_MAX_BYTES, argc - 1, argv + 1))
                return tool_complain(c, EXIT_USAGE, "a notice is %d bytes at most", CONTROL_TEXT_MAX_BYTES);
        int status = tool_ask(c, (const char *const[]){"say", "", text, NULL});
        return status != EXIT_SUCCESS ? status : tool_confirm_with(c, "say", "text", text);
}

static int speaking_show_topic(struct chatctl *c, const char *name)
{
        int status = tool_ask(c, (const char *const[]){"topic", "", name, NULL});
        if (status != EXIT_SUCCESS)
                return status;
        const char *room = asking_end(&c->asking, "room"), *text = asking_end(&c->asking, "topic");
        if (!room || !text)
                return tool_complain(c, EXIT_FAILURE, "no answer from chatd");
        if (c->options.json) {
                printf("{\"room\":");
                output_json_string(stdout, room, strlen(room));
                printf(",\"topic\":");
                output_json_string(stdout, text, strlen(text));
                puts("}");
        } else if (text[0] != '\0') {
                puts(text);
        } else {
                printf("%s has no topic\n", room);
        }
        return EXIT_SUCCESS;
}

int speaking_topic(struct chatctl *c, int argc, char **argv)
{
        char text[CONTROL_TEXT_MAX_BYTES + 1];
        const char *room = argv[1][0] == '#' ? argv[1] + 1 : argv[1];
        if (argc == 2)
                return speaking_show_topic(c, room);
        if (!words_join(text, CONTROL_TEXT_MAX_BYTES, argc - 2, argv + 2))
                return tool_complain(c, EXIT_USAGE, "the topic is too long");
        int status = tool_ask(c, (const char *const[]){"topic", "", room, text, NULL});
        return status != EXIT_SUCCESS ? status : tool_confirm_with(c, "topic", "text", text);
}
