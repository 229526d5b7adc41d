#include "stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <chat/clock.h>
#include <chat/paths.h>

#define SECOND INT64_C(1000000000)   /* JetStream counts in ns */
#define IDENTITY_PREFIX "chat-link " /* the begin of a description, before the identity's hexadecimal digits */

void stream_init(struct stream *s, const struct config *config, struct report *report)
{
        *s = (struct stream){.config = config, .report = report};
        snprintf(s->name, sizeof(s->name), "chat-%s", config->network);
        snprintf(s->said_subjects, sizeof(s->said_subjects), "chat.%s.said.*", config->network);
        snprintf(s->said_subject, sizeof(s->said_subject), "chat.%s.said.%s", config->network, config->host);
}

bool stream_open(struct stream *s, natsConnection *nc)
{
        jsOptions options;
        jsOptions_Init(&options);
        options.Wait = STREAM_REQUEST_MS;
        s->state = STREAM_ASK_ACCOUNT;
        return natsConnection_JetStream(&s->js, nc, &options) == NATS_OK;
}

static void stream_forget_info(struct stream *s)
{
        jsStreamInfo_Destroy(s->info);
        s->info = NULL;
}

void stream_close(struct stream *s)
{
        stream_forget_info(s);
        jsCtx_Destroy(s->js);
        s->js = NULL;
}

void stream_doubt(struct stream *s)
{
        stream_forget_info(s);
        s->state = STREAM_ASK_ACCOUNT;
}

void stream_refresh(struct stream *s)
{
        s->state = s->state == STREAM_NONE ? STREAM_ASK_ACCOUNT : STREAM_ASK;
}

/* Returns JetStream's last error. While the leader of a stream changes, servers refuse to publish as if they had no
 * JetStream, without a text (seen with nats-server 2.9.10); stream_step() asks them if they have it. */
static const char *stream_jetstream_error(jsErrCode code, char *number, size_t size)
{
        const char *text = connection_error();
        if (*text != '\0')
                return text;
        if (code == JSClusterNotLeaderErr || code == JSNotEnabledErr)
                return "its servers are just choosing another leader";
        snprintf(number, size, "error %d", (int)code);
        return number;
}

/* Reports that `what` failed, and why. Returns false. */
static bool stream_fail(struct stream *s, enum problem part, const char *what, natsStatus status, jsErrCode code)
{
        char number[24];
        const char *text = stream_jetstream_error(code, number, sizeof(number));
        if (part == PROBLEM_STREAM && (code == JSClusterNoPeersErr || code == JSInsufficientResourcesErr))
                report_problem(s->report, part,
                               "waiting for %d servers with JetStream and room for the stream %s; StreamReplicas=1 in "
                               "link.conf goes on with less (%s)",
                               s->replicas, s->name, text);
        else if (code != 0)
                report_problem(s->report, part, "%s: JetStream says: %s (stream %s)", what, text, s->name);
        else if (status == NATS_TIMEOUT)
                report_problem(s->report, part, "%s: JetStream does not answer now; most of its servers have to be up",
                               what);
        else
                report_problem(s->report, part, "%s: %s (stream %s)", what, natsStatus_GetText(status), s->name);
        return false;
}

/* Takes the server's answer that there is no JetStream. Returns false while the link does not believe it. */
static bool stream_take_none(struct stream *s)
{
        int64_t now = clock_ms(), patience = s->exists ? STREAM_NONE_ANY_MORE_MS : STREAM_NONE_MS;
        if (s->none_since == 0)
                s->none_since = now;
        if (now - s->none_since < patience) {
                report_problem(s->report, PROBLEM_STREAM,
                               s->exists ? "the server has no JetStream now: waiting until it is there again"
                                         : "the server has no JetStream: waiting a moment in case it has just started");
                return false;
        }
        s->state = STREAM_NONE;
        s->identity = s->last = 0;
        report_no_problem(s->report, PROBLEM_STREAM);
        return true;
}

static bool stream_ask_account(struct stream *s)
{
        jsAccountInfo *account = NULL;
        jsErrCode code = 0;
        natsStatus status = js_GetAccountInfo(&account, s->js, NULL, &code);
        jsAccountInfo_Destroy(account);
        if (status == NATS_NO_RESPONDERS || code == JSNotEnabledErr || code == JSNotEnabledForAccountErr)
                return stream_take_none(s);
        if (status != NATS_OK)
                return stream_fail(s, PROBLEM_STREAM, "cannot ask for JetStream", status, code);
        s->state = STREAM_ASK;
        return true;
}

static bool stream_takes_what_is_said(const struct stream *s, const jsStreamConfig *config)
{
        for (int i = 0; i < config->SubjectsLen; i++)
                if (strcmp(config->Subjects[i], s->said_subjects) == 0)
                        return true;
        return false;
}

/* Returns true if the stream has the settings of link.conf. Settings that link.conf leaves open do not count: otherwise
 * hosts with different settings would change the stream back and forth. */
static bool stream_is_as_configured(const struct stream *s, const jsStreamConfig *config)
{
        int retention_s = s->config->retention_s;
        return (s->config->replicas == 0 || config->Replicas == s->config->replicas) &&
               (retention_s == RETENTION_DEFAULT_S || config->MaxAge == retention_s * SECOND);
}

static uint64_t stream_identity_of(const jsStreamInfo *info)
{
        const char *description = info->Config->Description;
        uint64_t identity;
        if (description && strncmp(description, IDENTITY_PREFIX, strlen(IDENTITY_PREFIX)) == 0 &&
            path_parse_id(description + strlen(IDENTITY_PREFIX), &identity) == 0 && identity != 0)
                return identity;
        return info->Created != 0 ? (uint64_t)info->Created : 1;
}

/* Reports a stream that does not take the longest message, before there is such a message. */
static void stream_note_message_size(const struct stream *s, const jsStreamConfig *config)
{
        if (config->MaxMsgSize > 0 && config->MaxMsgSize < MESSAGE_MAX_BYTES)
                report_problem(s->report, PROBLEM_MESSAGE_SIZE,
                               "the stream %s takes messages of %d bytes at most: set its max_msg_size to %d or more, "
                               "or to -1",
                               s->name, (int)config->MaxMsgSize, (int)MESSAGE_MAX_BYTES);
        else
                report_no_problem(s->report, PROBLEM_MESSAGE_SIZE);
}

static void stream_be_ready(struct stream *s, const jsStreamInfo *info)
{
        stream_note_message_size(s, info->Config);
        s->exists = true;
        s->none_since = 0;
        s->is_outrun = false;
        s->identity = stream_identity_of(info);
        s->last = info->State.LastSeq;
        s->state = STREAM_READY;
        report_no_problem(s->report, PROBLEM_STREAM);
}

static bool stream_ask(struct stream *s)
{
        jsStreamInfo *info = NULL;
        jsErrCode code = 0;
        natsStatus status = js_GetStreamInfo(&info, s->js, s->name, NULL, &code);
        if (code == JSStreamNotFoundErr) {
                s->replicas = s->config->replicas != 0 ? s->config->replicas : 3;
                s->state = STREAM_MAKE;
                return true;
        }
        if (status != NATS_OK)
                return stream_fail(s, PROBLEM_STREAM, "cannot ask for the stream", status, code);
        if (!stream_takes_what_is_said(s, info->Config)) {
                report_problem(s->report, PROBLEM_STREAM,
                               "the stream %s is somebody else's, as it does not take %s: see "
                               "Network= in link.conf",
                               s->name, s->said_subjects);
                jsStreamInfo_Destroy(info);
                return false;
        }
        stream_be_ready(s, info);
        if (stream_is_as_configured(s, info->Config)) {
                report_no_problem(s->report, PROBLEM_SETTINGS);
                jsStreamInfo_Destroy(info);
        } else {
                stream_forget_info(s);
                s->info = info;
                s->state = STREAM_UPDATE;
        }
        return true;
}

static int64_t stream_duplicates(int64_t max_age)
{
        return max_age > 0 && max_age < STREAM_DUPLICATES_S * SECOND ? max_age : STREAM_DUPLICATES_S * SECOND;
}

static bool stream_make(struct stream *s)
{
        jsStreamConfig config;
        jsErrCode code = 0;
        uint64_t identity;
        char description[sizeof(IDENTITY_PREFIX) + ID_DIGITS];
        jsStreamConfig_Init(&config);
        if (getrandom(&identity, sizeof(identity), 0) != sizeof(identity))
                identity = (uint64_t)clock_ms(); /* cannot happen once the system is up, getrandom(2) */
        snprintf(description, sizeof(description), IDENTITY_PREFIX "%016" PRIx64, identity);
        config.Name = s->name;
        config.Description = description;
        config.Subjects = (const char *[]){s->said_subjects};
        config.SubjectsLen = 1;
        config.Retention = js_LimitsPolicy;
        config.Storage = js_FileStorage;
        config.Discard = js_DiscardOld;
        config.MaxAge = s->config->retention_s * SECOND;
        config.Duplicates = stream_duplicates(config.MaxAge);
        config.Replicas = s->replicas;
        natsStatus status = js_AddStream(NULL, s->js, &config, NULL, &code);
        if (code == JSStreamReplicasNotSupportedErr && s->config->replicas == 0 && s->replicas > 1) {
                s->replicas = 1; /* the server stands alone */
                return true;
        }
        s->state = STREAM_ASK; /* another host may have been faster, even if this request made a stream */
        bool reported = code != JSStreamNameExistErr || s->is_outrun;
        s->is_outrun = code == JSStreamNameExistErr;
        if (code == JSStreamSubjectOverlapErr) {
                s->state = STREAM_FIND;
                return true;
        }
        if (status != NATS_OK && reported)
                stream_fail(s, PROBLEM_STREAM, "cannot make the stream", status, code);
        return status == NATS_OK;
}

/* Reports which other stream has the subjects. A host may lack the permission to ask for its name. */
static bool stream_find(struct stream *s)
{
        jsStreamNamesList *names = NULL;
        jsOptions options;
        jsOptions_Init(&options);
        options.Wait = STREAM_REQUEST_MS;
        options.Stream.Info.SubjectsFilter = s->said_subjects;
        s->state = STREAM_ASK;
        natsStatus status = js_StreamNames(&names, s->js, &options, NULL);
        if (status == NATS_OK && names && names->Count > 0)
                report_problem(s->report, PROBLEM_STREAM,
                               "cannot make the stream %s: the stream %s takes its subjects, %s; give that one other "
                               "subjects, or choose another Network= in link.conf on all hosts",
                               s->name, names->List[0], s->said_subjects);
        else
                report_problem(s->report, PROBLEM_STREAM,
                               "cannot make the stream %s: another stream takes its subjects, %s; give that one other "
                               "subjects, or choose another Network= in link.conf on all hosts",
                               s->name, s->said_subjects);
        jsStreamNamesList_Destroy(names);
        return false;
}

/* Changes the stream to the settings of link.conf. If that fails the stream is used as it is. */
static bool stream_update(struct stream *s)
{
        jsErrCode code = 0;
        jsStreamConfig *config = s->info->Config;
        if (s->config->replicas != 0)
                config->Replicas = s->replicas = s->config->replicas;
        if (s->config->retention_s != RETENTION_DEFAULT_S)
                config->MaxAge = s->config->retention_s * SECOND;
        config->Duplicates = stream_duplicates(config->MaxAge);
        natsStatus status = js_UpdateStream(NULL, s->js, config, NULL, &code);
        stream_forget_info(s);
        s->state = STREAM_READY;
        if (status == NATS_OK)
                report_no_problem(s->report, PROBLEM_SETTINGS);
        else
                stream_fail(s, PROBLEM_SETTINGS, "cannot set StreamReplicas= and StreamRetention= of link.conf", status,
                            code);
        return true;
}

bool stream_step(struct stream *s)
{
        switch (s->state) {
        case STREAM_ASK_ACCOUNT:
                return stream_ask_account(s);
        case STREAM_ASK:
                return stream_ask(s);
        case STREAM_MAKE:
                return stream_make(s);
        case STREAM_FIND:
                return stream_find(s);
        case STREAM_UPDATE:
                return stream_update(s);
        default:
                return true;
        }
}

int stream_has(struct stream *s, const struct spool_chunk *chunk)
{
        natsMsg *last = NULL;
        jsErrCode code = 0;
        struct message m;
        natsStatus status = js_GetLastMsg(&last, s->js, s->name, s->said_subject, NULL, &code);
        if (status == NATS_NOT_FOUND || code == JSNoMessageFoundErr)
                return 0;
        if (status != NATS_OK) {
                stream_fail(s, PROBLEM_PUBLISHING, "cannot ask for what is stored", status, code);
                return -1;
        }
        int r = message_decode(&m, natsMsg_GetData(last), (size_t)natsMsg_GetDataLength(last));
        natsMsg_Destroy(last);
        return r == 0 && m.type == MESSAGE_SAID && m.instance == chunk->instance && m.position >= chunk->first;
}

bool stream_publish(struct stream *s, const void *message, size_t size)
{
        jsErrCode code = 0;
        jsPubAck *ack = NULL;
        jsPubOptions options;
        jsPubOptions_Init(&options);
        options.MaxWait = STREAM_REQUEST_MS;
        options.ExpectStream = s->name;
        natsStatus status = js_Publish(&ack, s->js, s->said_subject, message, (int)size, &options, &code);
        bool stored = status == NATS_OK && !ack->Duplicate && ack->Sequence > 0;
        jsPubAck_Destroy(ack);
        if (status != NATS_OK)
                return stream_fail(s, PROBLEM_PUBLISHING, "cannot publish", status, code);
        return stored;
}

bool stream_consume(struct stream *s, uint64_t sequence, const char *inbox)
{
        jsConsumerConfig config;
        jsConsumerInfo *info = NULL;
        jsErrCode code = 0;
        jsConsumerConfig_Init(&config);
        config.DeliverSubject = inbox;
        config.FilterSubject = s->said_subjects;
        config.DeliverPolicy = js_DeliverByStartSequence;
        config.OptStartSeq = sequence + 1;
        config.AckPolicy = js_AckNone;
        config.ReplayPolicy = js_ReplayInstant;
        config.FlowControl = true;
        config.Heartbeat = SECOND;
        config.InactiveThreshold = 10 * SECOND;
        config.Replicas = 1;
        config.MemoryStorage = true;
        natsStatus status = js_AddConsumer(&info, s->js, s->name, &config, NULL, &code);
        jsConsumerInfo_Destroy(info);
        if (status == NATS_OK) {
                report_no_problem(s->report, PROBLEM_READING);
                return true;
        }
        return stream_fail(s, PROBLEM_READING, "cannot read the stream", status, code);
}
