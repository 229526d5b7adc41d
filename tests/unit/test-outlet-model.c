/* All orders in which the two sides of an outlet can take their steps (chat/outlet.h), on the machine of
 * outlet-machine.h: with kills of either side at each step, writes that the client takes in part, notices of the
 * session's own, a client that makes the session keep the turn, datagrams that show nothing, and an inbox that is full.
 *
 * These hold in each order:
 * - The two sides never write to the connection without an order between them.
 * - The client gets each record once, whole and in its place. If the inbox was full, records may be missing.
 * - When nothing can happen any more, chatd has consumed all batches, and the session has nothing left to write. No
 *   state comes back, so each way comes to such an end: nobody waits for ever.
 *
 * The second test shows that the first one can fail, and that no order is stronger than needed. It breaks the code in
 * each place, one at a time. It finds all of these:
 * - FREE is stored, or the turn taken, without an order, by either side: two sides use the connection at the same time
 * - WRITING is stored without an order: chatd dies with WRITING and without its notes; records are missing
 * - the fence behind number 0 is left out: records of the next batch are taken for those of the last one; some are
 *   missing
 * - the first turn, SESSION, is not stored, or an exchange does not compare: two sides use the connection
 * - `session_bytes` or `at` is not stored: the session finds the wrong place in a line that was cut
 * - `batch`, `from`, `to`, `room`, `bytes` or a number of a batch is not stored: records come twice, or are missing
 * - FREE or WRITING is not stored: somebody waits for ever
 * - `datagrams` is not stored: chatd never writes to the client again
 *
 * With VERBOSE in the environment the test prints each break and its effect. Stores of `hints` decide nothing, and are
 * left out.
 *
 * The test plays the actions of chatd between the steps of a batch, and the session's use of a datagram (outlet-play.h,
 * ../lender.h). test-outlet.c and tests/system/test-killpoints-lent.c have the real programs.
 */
#include "outlet-play.h"

enum {
        STATES_MAX = 1 << 20,
        DEPTH_MAX = 1024,
        CHOICES_MAX = 8, /* of what can happen in a step */
};

enum outcome {
        TAKEN_STEP,
        IMPOSSIBLE, /* there may be others behind it */
        NONE_LEFT,
};

struct node {
        struct state state;
        unsigned actor, choice, successors;
        uint64_t hash;
};

enum actor {
        ACTOR_CHATD,
        ACTOR_SESSION,
        ACTOR_KILL,
        ACTOR_DEATH,
        ACTORS,
};

static struct node path[DEPTH_MAX];
static uint64_t visited[STATES_MAX]; /* hashes; 0: free */
static bool on_path[STATES_MAX];
static size_t states;

/* ---- steps ---- */

/* Calls the function again and takes the next step of it. */
static void repeat(struct state *s, enum side side, enum deed deed)
{
        if (side == CHATD) {
                lent = s->lent;
                chatd_do(deed);
                s->lent = lent;
        } else {
                load_session(s);
                session_do(deed);
                save_session(s);
        }
        memset(&s->machine.steps[side], 0, sizeof(s->machine.steps[side]));
        s->deed[side] = IDLE;
}

/* Takes a step of a side. `choice` selects the action that the side begins, and the event in the step. */
static enum outcome advance(struct state *s, enum side side, unsigned choice)
{
        run.taken = 0;
        run.left = 1;
        run.choice = choice % CHOICES_MAX;
        run.side = side;
        run.m = &s->machine;
        run.no_such_choice = false;
        now = s;
        if (s->deed[side] == IDLE) {
                unsigned deeds = side == CHATD ? chatd_deeds(s) : session_deeds(s);
                for (; choice >= CHOICES_MAX && deeds; choice -= CHOICES_MAX)
                        deeds &= deeds - 1;
                if (!deeds)
                        return NONE_LEFT;
                s->deed[side] = (uint8_t)__builtin_ctz(deeds);
        } else if (choice >= CHOICES_MAX) {
                return NONE_LEFT;
        }
        if (__builtin_setjmp(run.stop) == 0) {
                repeat(s, side, s->deed[side]);
                run.no_such_choice = run.left > 0 && run.choice > 0;
        }
        forget_frames(__builtin_frame_address(0));
        return run.no_such_choice ? IMPOSSIBLE : TAKEN_STEP;
}

/* Returns true if the store `j`, which was made, proves that the one before it, `i`, was made as well. */
static bool keeps_in_front(const struct late *l, unsigned i, unsigned j)
{
        return l->store[j].release || l->store[i].acquire || l->store[i].place == l->store[j].place ||
               l->store[i].fences != l->store[j].fences;
}

/* Takes back these stores of chatd. Returns false if one of them was seen. */
static bool take_back(struct machine *m, const bool lost[static LATE_MAX])
{
        for (unsigned i = m->late.count; i-- > 0;) {
                unsigned place = m->late.store[i].place, index = m->late.store[i].index;
                if (!lost[i])
                        continue;
                if (index == CERTAIN || index + 1u != m->memory.at[place].count ||
                    m->memory.view[SESSION][place] >= index)
                        return false;
                m->memory.at[place].value[--m->memory.at[place].count] = 0;
        }
        return true;
}

/* Takes back some of the last stores of chatd; choice 0 takes back none. The other choices begin at one store. The
 * first half of them also takes back the later stores that prove it. The second half takes back all later stores. */
static enum outcome lose(struct machine *m, unsigned choice)
{
        bool lost[LATE_MAX] = {false};
        unsigned n = m->late.count;
        if (choice == 0)
                return TAKEN_STEP;
        if (choice > 2 * n)
                return NONE_LEFT;
        unsigned first = (choice - 1) % n;
        lost[first] = true;
        for (unsigned j = first + 1; j < n; j++)
                for (unsigned k = first; k < j && !lost[j]; k++)
                        lost[j] = choice > n || (lost[k] && keeps_in_front(&m->late, k, j));
        return take_back(m, lost) ? TAKEN_STEP : IMPOSSIBLE;
}

/* Kills chatd, and starts the next one. `choice` says which of its last stores were not made. */
static enum outcome kill_chatd(struct state *s, unsigned choice)
{
        struct machine *m = &s->machine;
        enum outcome outcome = s->kills == 0 ? NONE_LEFT : lose(m, choice);
        if (outcome != TAKEN_STEP)
                return outcome;
        happened.killed_in[turn_of(s) <= OUTLET_KEPT ? turn_of(s) : 0]++;
        happened.cut += m->sent > 0 && m->stream[m->sent - 1] != '\n';
        s->kills--;
        for (unsigned i = 0; i < PLACES_SHARED; i++) /* the next chatd runs after its death */
                m->memory.view[CHATD][i] = (uint8_t)(m->memory.at[i].count - 1);
        memset(&m->late, 0, sizeof(m->late));
        memset(&m->steps[CHATD], 0, sizeof(m->steps[CHATD]));
        memset(&m->reply_view, 0, sizeof(m->reply_view));
        m->replied = 0;
        m->loan++;
        lent_init(&s->lent);
        s->deed[CHATD] = IDLE;
        s->old |= s->stage != BETWEEN;
        s->stage = BETWEEN;
        s->asked = false;
        return TAKEN_STEP;
}

/* Kills the session. */
static enum outcome kill_session(struct state *s, unsigned choice)
{
        struct machine *m = &s->machine;
        if (s->deaths == 0 || choice > 0)
                return NONE_LEFT;
        s->deaths--;
        m->session_is_dead = true;
        m->letters = 0;
        memset(m->inbox, 0, sizeof(m->inbox));
        memset(&m->steps[SESSION], 0, sizeof(m->steps[SESSION]));
        s->deed[SESSION] = IDLE;
        s->dirty = s->notices = s->switches = 0;
        return TAKEN_STEP;
}

static enum outcome take_step(struct state *s, enum actor actor, unsigned choice)
{
        switch (actor) {
        case ACTOR_CHATD:
                return advance(s, CHATD, choice);
        case ACTOR_SESSION:
                return s->machine.session_is_dead ? NONE_LEFT : advance(s, SESSION, choice);
        case ACTOR_KILL:
                return kill_chatd(s, choice);
        default:
                return kill_session(s, choice);
        }
}

/* Forgets the values of a place that nobody can read any more. */
static void forget(struct machine *m, unsigned place, unsigned old)
{
        struct memory *mem = &m->memory;
        if (old == 0)
                return;
        if (place < PLACES_SHARED) {
                unsigned turn = place % PLACES_OF_LOAN == TURN, left = mem->at[place].count -= (uint8_t)old;
                memmove(mem->at[place].value, mem->at[place].value + old, left * sizeof(int16_t));
                memset(mem->at[place].value + left, 0, old * sizeof(int16_t));
                uint8_t(*carried)[PLACES] = mem->carried[place / PLACES_OF_LOAN];
                if (turn) {
                        memmove(carried, carried + old, left * sizeof(*carried));
                        memset(carried + left, 0, old * sizeof(*carried));
                }
        } else {
                mem->accesses -= (uint8_t)old;
        }
        uint8_t *views[SIDES + 1 + INBOX_MAX + LOANS * VALUES_MAX];
        unsigned n = 0;
        for (unsigned i = 0; i < SIDES; i++)
                views[n++] = mem->view[i];
        views[n++] = m->reply_view;
        for (unsigned i = 0; i < m->letters; i++)
                views[n++] = m->inbox[i].view;
        for (unsigned loan = 0; loan < LOANS; loan++)
                for (unsigned i = 0; i < mem->at[loan * PLACES_OF_LOAN + TURN].count; i++)
                        views[n++] = mem->carried[loan][i];
        for (unsigned i = 0; i < n; i++)
                views[i][place] = (uint8_t)(views[i][place] > old ? views[i][place] - old : 0);
        for (unsigned i = 0; i < m->late.count; i++)
                if (m->late.store[i].place == place && m->late.store[i].index != CERTAIN)
                        m->late.store[i].index =
                                (uint8_t)(m->late.store[i].index < old ? CERTAIN : m->late.store[i].index - old);
}

static void forget_all(struct state *s)
{
        struct memory *mem = &s->machine.memory;
        for (unsigned i = 0; i < PLACES; i++) {
                unsigned one = mem->view[CHATD][i], other = s->machine.session_is_dead ? one : mem->view[SESSION][i];
                forget(&s->machine, i, one < other ? one : other);
        }
}

/* ---- what must hold ---- */

/* Returns what is wrong with the bytes that the client got, or NULL. */
static const char *check_stream(const struct state *s)
{
        unsigned next = 0, records = bounds.batches * RECORDS_OF_BATCH;
        const char *at = s->machine.stream, *end = at + s->machine.sent;
        while (at < end) {
                const char *eol = memmem(at, (size_t)(end - at), "\r\n", 2);
                size_t len = eol ? (size_t)(eol - at) : (size_t)(end - at);
                if (!eol && !s->machine.session_is_dead)
                        return "a line has no end";
                if (len == 4 && memcmp(at, "n: ", 3) == 0) {
                        unsigned number = (unsigned)(at[3] - 'a');
                        if (number < next)
                                return "a record came twice, or too late";
                        if (number > next && !s->lagged)
                                return "a record is missing";
                        next = number + 1;
                } else if (eol && !(len == 1 && *at == '*') && !s->lagged) {
                        return "a line is not whole";
                }
                at += len + (eol ? 2 : 0);
        }
        return next < records && !s->lagged && !s->machine.session_is_dead ? "the last records are missing" : NULL;
}

/* Returns what is wrong with a state after which nothing can happen, or NULL. */
static const char *check_end(const struct state *s)
{
        const struct client *c = (const void *)s->session.client;
        if (s->consumed < bounds.batches || s->stage != BETWEEN || s->deed[CHATD] != IDLE)
                return "chatd waits for ever";
        if (!s->machine.session_is_dead &&
            (s->machine.letters > 0 || s->dirty || c->start < c->end || s->deed[SESSION] != IDLE))
                return "the session waits for ever";
        return check_stream(s);
}

/* ---- all states ---- */

static uint64_t hash_of(const struct state *s)
{
        typedef uint64_t __attribute__((may_alias)) word;
        const word *words = (const void *)s;
        uint64_t h[LANES] = {1, 2, 3, 4};
        for (size_t i = 0; i < sizeof(*s) / sizeof(*words); i += LANES)
                for (size_t lane = 0; lane < LANES; lane++) {
                        h[lane] = (h[lane] ^ words[i + lane]) * 0x9e3779b97f4a7c15;
                        h[lane] ^= h[lane] >> 32;
                }
        for (size_t lane = 1; lane < LANES; lane++)
                h[0] = (h[0] ^ h[lane]) * 0xff51afd7ed558ccd ^ h[0] >> 29;
        return h[0] | 1;
}

_Static_assert(sizeof(struct state) % (LANES * sizeof(uint64_t)) == 0, "a hash is over words");

static size_t slot_of(uint64_t hash)
{
        size_t i = (hash >> 8) % STATES_MAX;
        while (visited[i] != 0 && visited[i] != hash)
                i = (i + 1) % STATES_MAX;
        return i;
}

static void begin(struct state *s, const struct bounds *b)
{
        memset(s, 0, sizeof(*s));
        for (unsigned i = 0; i < PLACES_SHARED; i++)
                s->machine.memory.at[i].count = 1;
        lent_init(&s->lent);
        memset(&session, 0, sizeof(session));
        session.client.in = session.client.out = FD_CONNECTION;
        session.client.is_socket = true;
        session.seen.epoch = epoch_of(0); /* it was welcomed by this chatd */
        save_session(s);
        bounds = *b;
        s->machine.parts_left = (uint8_t)b->parts;
        s->kills = (uint8_t)b->kills;
        s->deaths = (uint8_t)b->deaths;
        s->notices = (uint8_t)b->notices;
        s->switches = (uint8_t)b->switches;
        s->tells = (uint8_t)b->tells;
        s->lags = (uint8_t)b->lags;
}

/* Visits all states, depth first. Returns what is wrong, with the way to it in path[0] to path[*depth], or NULL. */
static const char *explore(const struct bounds *b, size_t *depth)
{
        memset(visited, 0, sizeof(visited));
        memset(on_path, 0, sizeof(on_path));
        states = 0;
        run.wrong = NULL;
        *depth = 0;
        memset(&path[0], 0, sizeof(path[0]));
        begin(&path[0].state, b);
        for (;;) {
                struct node *n = &path[*depth], *next = n + 1;
                if (n->actor == ACTORS) {
                        const char *wrong = n->successors == 0 ? check_end(&n->state) : NULL;
                        if (wrong || *depth == 0)
                                return wrong;
                        on_path[slot_of(n->hash)] = false;
                        --*depth;
                        continue;
                }
                enum actor actor = (enum actor)n->actor;
                if (actor >= ACTOR_KILL && (actor == ACTOR_KILL ? n->state.kills : n->state.deaths) == 0) {
                        n->actor++;
                        continue;
                }
                memcpy(&next->state, &n->state, sizeof(n->state));
                enum outcome outcome = take_step(&next->state, actor, n->choice++);
                if (run.wrong)
                        return run.wrong;
                if (outcome == NONE_LEFT) {
                        n->actor++;
                        n->choice = 0;
                }
                if (outcome != TAKEN_STEP)
                        continue;
                forget_all(&next->state);
                next->hash = hash_of(&next->state);
                if (next->hash == n->hash)
                        continue; /* a try to take the turn failed: nothing has changed */
                /* a kill does not count, because nobody may wait for one */
                n->successors += actor < ACTOR_KILL;
                size_t slot = slot_of(next->hash);
                if (on_path[slot])
                        return "a state comes back";
                if (visited[slot])
                        continue;
                if (++states > STATES_MAX / 2)
                        return "there are more states than there is room for";
                if (*depth + 2 == DEPTH_MAX)
                        return "a way is longer than there is room for";
                visited[slot] = next->hash;
                on_path[slot] = true;
                next->actor = next->choice = next->successors = 0;
                ++*depth;
        }
}

static const struct bounds all_bounds[] = {
        {.batches = 3, .parts = 1, .lags = 1, .inbox = 1},
        {.batches = 2, .notices = 1, .tells = 1, .inbox = 1},
        {.batches = 2, .parts = 1, .deaths = 1, .notices = 1, .inbox = 1},
        {.batches = 1, .kills = 1, .parts = 1, .inbox = 1},
        {.batches = 2, .kills = 1, .inbox = 1},
        {.batches = 1, .kills = 2, .inbox = 1},
        {.batches = 2, .kills = 1, .parts = 1, .inbox = 1},
        {.batches = 1, .kills = 1, .parts = 1, .notices = 1, .inbox = 1},
        {.batches = 1, .kills = 1, .parts = 1, .switches = 1, .inbox = 1},
        {.batches = 2, .kills = 1, .tells = 1, .inbox = 1},
        {.batches = 2, .notices = 1, .parts = 1, .tells = 1, .inbox = 2},
        {.batches = 1, .kills = 2, .parts = 1, .inbox = 1},
};

enum { BOUNDS = sizeof(all_bounds) / sizeof(all_bounds[0]) };

/* Returns the action that a side is in, or begins, in the step that is `choice`. */
static enum deed deed_of(const struct state *s, enum side side, unsigned choice)
{
        unsigned deeds = side == CHATD ? chatd_deeds(s) : session_deeds(s);
        if (s->deed[side] != IDLE)
                return (enum deed)s->deed[side];
        for (; choice >= CHOICES_MAX; choice -= CHOICES_MAX)
                deeds &= deeds - 1;
        return (enum deed)__builtin_ctz(deeds);
}

/* Prints the step from `n` to the node behind it. */
static void print_step(const struct node *n)
{
        enum side side = n->actor == ACTOR_CHATD ? CHATD : SESSION;
        const struct state *s = &n->state;
        if (n->actor == ACTOR_DEATH)
                fprintf(stderr, "the session is killed\n");
        else if (n->actor == ACTOR_KILL)
                fprintf(stderr, "chatd is killed; of %u stores %u may be late\n", s->machine.late.count, n->choice - 1);
        else
                fprintf(stderr, "%s: step %u\n", deed_names[deed_of(s, side, n->choice - 1)],
                        s->machine.steps[side].count);
}

static void explain(size_t depth)
{
        for (size_t i = 0; i < depth; i++)
                print_step(&path[i]);
        fprintf(stderr, "the client has: %.*s\n", path[depth].state.machine.sent, path[depth].state.machine.stream);
}

/* Visits all states within these bounds. Returns what is wrong, or NULL. */
static const char *explore_and_check(const struct bounds *b, size_t *depth)
{
        memset(&happened, 0, sizeof(happened));
        const char *wrong = explore(b, depth);
        if (wrong)
                return wrong;
        *depth = 0;
        return b->lags > 0 && happened.after_datagram == 0 ? "chatd never writes again after a datagram" : NULL;
}

static void test_all_orders(void **state)
{
        unsigned killed_in[OUTLET_KEPT + 1] = {0}, by_itself = 0, cut = 0;
        (void)state;
        for (size_t i = 0; i < BOUNDS; i++) {
                size_t depth;
                const char *wrong = explore_and_check(&all_bounds[i], &depth);
                if (wrong) {
                        explain(depth);
                        fail_msg("within bounds %zu: %s", i, wrong);
                }
                by_itself += happened.by_itself;
                cut += happened.cut;
                for (unsigned turn = 0; turn <= OUTLET_KEPT; turn++)
                        killed_in[turn] += happened.killed_in[turn];
        }
        assert_in_range(by_itself, 1, UINT_MAX);
        assert_in_range(cut, 1, UINT_MAX); /* a line of which the client had a part when chatd died */
        for (unsigned turn = 0; turn <= OUTLET_KEPT; turn++)
                assert_in_range(killed_in[turn], 1, UINT_MAX);
}

/* Returns true for a store that decides nothing. Its value is shown to people, or saves chatd a wait. */
static bool is_hint(const struct site *site)
{
        static const char *const hints[] = {"lines_out) =", "relayed_number) =", "OUTLET_SLOW", "OUTLET_KEPT"};
        for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
                if (strstr(site->text, hints[i]))
                        return true;
        return false;
}

static void test_each_mutation_is_found(void **state)
{
        unsigned mutations = 0, hints = 0;
        (void)state;
        assert_in_range(run.sites_count, 30, SITES_MAX);
        for (size_t i = 0; i < run.sites_count; i++) {
                const struct site *site = run.sites[i];
                hints += is_hint(site);
                for (enum mutation m = WEAKEN; m <= LOSE; m++) {
                        const char *wrong = NULL;
                        size_t depth;
                        if ((m == WEAKEN ? !site->is_ordered : !site->stores) || is_hint(site))
                                continue;
                        run.mutant = site;
                        run.mutation = m;
                        for (size_t j = 0; j < BOUNDS && !wrong; j++)
                                wrong = explore_and_check(&all_bounds[j], &depth);
                        run.mutation = NONE;
                        mutations++;
                        if (getenv("VERBOSE"))
                                fprintf(stderr, "%s:%d: %s %s: %s\n", site->file, site->line, site->text,
                                        m == WEAKEN ? "is relaxed" : "is left out", wrong ? wrong : "nothing is wrong");
                        if (!wrong)
                                fail_msg("%s:%d: nothing is wrong if %s %s: it is stronger than needed", site->file,
                                         site->line, site->text, m == WEAKEN ? "is relaxed" : "is left out");
                }
        }
        assert_in_range(mutations, 24, UINT_MAX);
        assert_int_equal(hints, 4);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_orders),
                cmocka_unit_test(test_each_mutation_is_found),
        };
        return RUN_TESTS(tests);
}
