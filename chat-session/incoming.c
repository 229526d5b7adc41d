#include "incoming.h"

#include <chat/display.h>

#include "client-output.h"
#include "liveness.h"
#include "session.h"

/* ---- records ---- */

/* Shows what the client has not seen of a record. A record that came before is not shown again, unless chatd has
 * written its beginning once more: then the rest is shown. chatd does not compare records, so it may do that, for
 * example after a second HELLO under the same id. */
static void incoming_show_record(struct session *s, const struct record *r, bool seen)
{
        size_t bytes = 0, has = 0;
        if (!display_shows(r) && r->kind != RECORD_CTCP) {
                if (!seen)
                        s->kind->note(s->me, r);
                return;
        }
        if (loan_may_have(&s->loan, r)) {
                bytes = s->kind->lent_line(s->me, s->loan.look, r, s->loan.client_ms, s->line);
                has = loan_has(&s->loan, r, bytes);
        }
        if (seen && has == 0)
                return;
        if (has == 0) {
                if (s->client.is_broken_off)
                        session_give_up_rest(s);
                s->kind->record(s->me, r);
        } else if (has < bytes) {
                client_rest(&s->client, s->line + has, bytes - has);
        }
        s->kind->note(s->me, r);
}

static void incoming_show_batch(struct session *s, struct wire_reader records)
{
        struct record r;
        while (record_next_styled(&records, &r) > 0)
                if (record_is_bounded(&r))
                        incoming_show_record(s, &r, seen_before(&s->seen, r.id, record_key(&r)));
        s->loan.client_bytes = 0;
}

/* Shows past lines, once for each request and once for a newcomer. */
static void incoming_show_past(struct session *s, const struct frame *f)
{
        struct wire_reader records = f->records;
        if (f->number < s->past_number)
                return;
        s->past_number = f->number + 1;
        if (wire_left(&records) == 0)
                return;
        if (s->loan.client_bytes > 0) /* as in incoming_is_first_answer() */
                session_give_up_rest(s);
        s->kind->past(s->me, f->number, records);
}

/* ---- answers ---- */

/* Returns true for the first answer to each request: there may be two if chatd died in between. */
static bool incoming_is_first_answer(struct session *s, const struct frame *f)
{
        if (f->number <= s->answer_number)
                return false;
        s->answer_number = f->number;
        /* A living chatd would have sent the rest before this answer if there had been room. */
        if (s->loan.client_bytes > 0)
                session_give_up_rest(s);
        return true;
}

static void incoming_take_answer(struct session *s, const struct frame *f)
{
        if (!incoming_is_first_answer(s, f))
                return;
        if (f->type == FRAME_ANSWER)
                session_be_called(s, f->name); /* what follows waits for the rest, which the next chatd sends */
        s->kind->answer(s->me, f);
}

/* ---- what chatd says to the client ---- */

static void incoming_show_missed(struct session *s, uint64_t missed)
{
        session_give_up_rest(s);
        session_tell(s, &(struct answer){.code = ANSWER_MISSED, .count = missed});
}

/* Shows TEXT, the message of the day, once for each HELLO. chatd sends it again if it meets the HELLO again after a
 * restart. */
static void incoming_show_text(struct session *s, const struct frame *f)
{
        if (f->number <= s->text_number)
                return;
        s->text_number = f->number;
        s->kind->motd(s->me, f->text);
}

void incoming_tell_lost(struct session *s)
{
        uplink_relayed(&s->uplink, loan_relayed(&s->loan)); /* the last line that chatd stated */
        uint64_t lines = uplink_lost_lines(&s->uplink);
        session_give_up_rest(s);
        if (lines > 0)
                session_tell(s, &(struct answer){.code = ANSWER_LOST, .count = lines});
}

/* ---- joining and leaving ---- */

/* Takes the name in WELCOME, which others see. It may differ from the name that the client came with. */
static void incoming_welcome(struct session *s, const struct frame *f)
{
        char asked[sizeof(s->peer.name)];
        memcpy(asked, s->peer.name, sizeof(asked));
        session_be_called(s, f->name);
        s->kind->welcome(s->me, slice_of(asked), f->members);
        if (s->presence == SESSION_INTRODUCED) {
                session_be(s, SESSION_QUIET);
                s->arrive_at = s->kind->joining == KIND_JOINS_LATER ? INT64_MAX : s->now + ARRIVE_MS;
        } else if (s->presence == SESSION_ARRIVED && s->kind->joining == KIND_JOINS_LATER) {
                session_be(s, SESSION_QUIET);
                s->arrive_at = INT64_MAX;
        } else if (s->presence == SESSION_LIVELY && s->state == SESSION_TALKING) {
                session_arrive(s);
        }
}

/* Obeys KICKED: an administrator removed the client. A restarted chatd may send KICKED again. */
static void incoming_remove(struct session *s, const struct frame *f)
{
        struct answer why;
        if (s->state >= SESSION_REMOVED || s->uplink.stage == UPLINK_DEPARTED)
                return;
        if (answer_decode(&why, f->answer) < 0) /* from a chatd of an earlier version */
                why = answer_of_removal(f->text);
        if (s->loan.client_bytes > 0)
                session_give_up_rest(s);
        session_tell(s, &why);
        session_remove(s);
}

static void incoming_refuse(struct session *s, const struct frame *f)
{
        if (s->state >= SESSION_FLUSHING)
                return;
        s->kind->refusal(s->me, f);
        session_flush_and_end(s);
}

/* Lends the client's connection to a chatd that asks for it. Everything that an earlier chatd relayed has come before
 * LEND. */
static void incoming_lend(struct session *s, const struct frame *f, const struct socket_fds *fds)
{
        const char *server = "";
        enum outlet_look look = s->kind->look(s->me, &server);
        bool may = f->number == OUTLET_LAYOUT && look != OUTLET_NO_LOOK;
        session_give_up_rest(s);
        s->uplink.datagrams = 0;
        if (s->state == SESSION_TALKING && may)
                loan_begin(&s->loan, fds, &s->client, look, server);
}

/* ---- datagrams ---- */

/* Finds out what chatd wrote to the client by itself before this datagram. */
static void incoming_catch_up(struct session *s, uint64_t epoch)
{
        bool first = s->seen.epoch == 0, another = s->seen.epoch != epoch;
        uplink_relayed(&s->uplink, loan_relayed(&s->loan));
        s->client.has_sent |= loan_has_written(&s->loan);
        if (another)
                loan_end(&s->loan, &s->client, &s->seen, s->uplink.id);
        else
                loan_settle(&s->loan, &s->client);
        if (seen_epoch(&s->seen, epoch) && !first)
                uplink_answer_uncalled(&s->uplink, s->now); /* the inbox may be too full for the roll call */
}

static void incoming_take_frame(struct session *s, const struct frame *f, const struct socket_fds *fds)
{
        switch (f->type) {
        case FRAME_WELCOME:
                incoming_welcome(s, f);
                break;
        case FRAME_BATCH:
                uplink_relayed(&s->uplink, f->number);
                incoming_show_batch(s, f->records);
                break;
        case FRAME_RELAYED:
                uplink_relayed(&s->uplink, f->number);
                break;
        case FRAME_MISSED:
                incoming_show_missed(s, f->number);
                break;
        case FRAME_ROLLCALL:
                uplink_answer(&s->uplink);
                break;
        case FRAME_REFUSED:
                incoming_refuse(s, f);
                break;
        case FRAME_GOODBYE:
                if (session_is_leaving(s))
                        session_flush_and_end(s);
                break;
        case FRAME_ANSWER:
        case FRAME_SENT:
        case FRAME_FOUND:
                incoming_take_answer(s, f);
                break;
        case FRAME_NAMES: /* the kind knows which request it waits for */
                s->kind->answer(s->me, f);
                break;
        case FRAME_PAST:
                incoming_show_past(s, f);
                break;
        case FRAME_TEXT:
                incoming_show_text(s, f);
                break;
        case FRAME_PROBE:
                liveness_probe(s, f);
                break;
        case FRAME_KICKED:
                incoming_remove(s, f);
                break;
        case FRAME_LEND:
                incoming_lend(s, f, fds);
                break;
        default:
                break;
        }
}

void incoming_take(struct session *s)
{
        struct frame f;
        struct socket_fds fds;
        if (!uplink_receive(&s->uplink, s->datagram, &f, &fds))
                return;
        incoming_catch_up(s, f.id);
        incoming_take_frame(s, &f, &fds);
        socket_close_fds(&fds);
}
