/* NCCL and the CUDA runtime, as far as SelfSup uses them, with threads of one process for ranks and the host's memory for the
 * GPUs'. Streams are queues with a thread each, so that operations are really on their way; the default stream is the host
 * itself, on which libtorch computes at once. What NCCL is strict about is checked, and what can go wrong can be asked for. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RANKS = 8, SUCCESS = 0, SYSTEM_ERROR = 2, INVALID_ARGUMENT = 4, INVALID_USAGE = 5, REMOTE_ERROR = 6, IN_PROGRESS = 7 };
enum { CUDA_INVALID_VALUE = 1, CUDA_INVALID_DEVICE = 101, CUDA_NOT_READY = 600, CUDA_ILLEGAL_ADDRESS = 700 };
enum { ALL_REDUCE, ALL_GATHER, REDUCE_SCATTER, BROADCAST };

typedef struct { unsigned char bytes[128]; } Id;
typedef struct { size_t size; unsigned magic, version; int blocking; } Config;
typedef struct { int kind, type, reduction, root; size_t count; const void *from; void *to; } Call;
typedef struct Group Group;
typedef struct Comm {
    Group *group;
    int rank, device, aborted, async_error, polls_until_ready, calls, busy, never_ready, finalizing;
} Comm;
struct Group {
    Id id;
    int ranks, joined, left;
    Comm *members[RANKS];
    Call calls[RANKS];
    int arrived, generation, mismatch;
    Group *next;
};
typedef struct Event { int recorded, done; } Event;
typedef struct Task { int kind; Call call; Comm *comm; Event *event; int record; struct Task *next; } Task;
enum { TASK_CALL, TASK_WAIT, TASK_RECORD };
typedef struct Stream { Task *first, *last; int closed; pthread_t thread; } Stream;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static Group *groups;
static int devices = 4, events, streams, comms, aborts, ids, violations;
static char fault[32];
static int fault_rank, fault_call;
static char last_error[256];
static char journal[1 << 16];
static __thread int device;
static __thread int sticky;

/* --- what tests ask for ------------------------------------------------------------------------------------------------- */

void fake_reset(int gpus)
{
    pthread_mutex_lock(&lock);
    devices = gpus;
    events = streams = comms = aborts = violations = 0;
    fault[0] = last_error[0] = journal[0] = 0;
    groups = NULL;
    pthread_mutex_unlock(&lock);
}

void fake_fault(const char *kind, int rank, int call)
{
    pthread_mutex_lock(&lock);
    snprintf(fault, sizeof fault, "%s", kind);
    fault_rank = rank;
    fault_call = call;
    pthread_mutex_unlock(&lock);
}

int fake_aborts(void) { return aborts; }
int fake_violations(void) { return violations; }
int fake_alive(void) { return events + streams + comms; }
int fake_last_error(void) { return sticky; }
const char *fake_journal(void) { return journal; }

static int is_fault(const char *kind, int rank, int call) /* locked */
{
    return fault_rank == rank && (call < 0 || fault_call == call) && strcmp(fault, kind) == 0;
}

static void note(const char *format, ...) /* locked */
{
    size_t length = strlen(journal);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(journal + length, sizeof journal - length, format, arguments);
    va_end(arguments);
}

/* --- arithmetic --------------------------------------------------------------------------------------------------------- */

static size_t width(int type) { return type == 1 ? 1 : type == 9 ? 2 : type == 7 ? 4 : type == 4 || type == 8 ? 8 : 0; }

static float from_bfloat16(uint16_t bits) { uint32_t wide = (uint32_t)bits << 16; float x; memcpy(&x, &wide, 4); return x; }

static uint16_t to_bfloat16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

#define COMBINE(a, b) (reduction == 2 ? ((a) > (b) ? (a) : (b)) : reduction == 3 ? ((a) < (b) ? (a) : (b)) : (a) + (b))

/* One more rank's elements: means are sums of parts, and bfloat16 is rounded on every hop, as in NCCL. */
static void combine(void *sum, const void *more, size_t n, int type, int reduction, int ranks, int is_first)
{
    for (size_t i = 0; i < n; i++) {
        switch (type) {
        case 1: { uint8_t *a = sum; const uint8_t *b = more; a[i] = is_first ? b[i] : (uint8_t)COMBINE(a[i], b[i]); break; }
        case 4: { int64_t *a = sum; const int64_t *b = more; a[i] = is_first ? b[i] : COMBINE(a[i], b[i]); break; }
        case 7: {
            float *a = sum, b = ((const float *)more)[i] * (reduction == 4 ? 1.0f / ranks : 1);
            a[i] = is_first ? b : COMBINE(a[i], b);
            break;
        }
        case 8: {
            double *a = sum, b = ((const double *)more)[i] * (reduction == 4 ? 1.0 / ranks : 1);
            a[i] = is_first ? b : COMBINE(a[i], b);
            break;
        }
        case 9: {
            uint16_t *a = sum;
            float b = from_bfloat16(((const uint16_t *)more)[i]) * (reduction == 4 ? 1.0f / ranks : 1), c = from_bfloat16(a[i]);
            a[i] = to_bfloat16(is_first ? b : COMBINE(c, b));
            break;
        }
        }
    }
}

static void carry_out(Group *group) /* locked; all have arrived */
{
    Call *first = &group->calls[0];
    size_t bytes = first->count * width(first->type), whole = bytes * (first->kind == REDUCE_SCATTER ? group->ranks : 1);
    char *sum = malloc(whole + 1), *all = malloc(bytes * group->ranks + 1);
    for (int r = 0; r < group->ranks; r++) {
        Call *call = &group->calls[r];
        if (call->kind != first->kind || call->count != first->count || call->type != first->type || call->reduction != first->reduction
            || call->root != first->root)
            group->mismatch = 1;
    }

    if (!group->mismatch) {
        for (int r = 0; r < group->ranks; r++) {
            if (first->kind == ALL_REDUCE || first->kind == REDUCE_SCATTER)
                combine(sum, group->calls[r].from, whole / width(first->type), first->type, first->reduction, group->ranks, r == 0);
            if (first->kind == ALL_GATHER)
                memcpy(all + r * bytes, group->calls[r].from, bytes);
        }

        if (first->kind == BROADCAST)
            memcpy(sum, group->calls[first->root].from, bytes);
        for (int r = 0; r < group->ranks; r++) {
            if (first->kind == ALL_GATHER)
                memcpy(group->calls[r].to, all, bytes * group->ranks);
            else
                memcpy(group->calls[r].to, sum + (first->kind == REDUCE_SCATTER ? r * bytes : 0), bytes);
        }
    }

    free(sum);
    free(all);
}

/* --- streams ------------------------------------------------------------------------------------------------------------ */

static void run(Task *task) /* locked */
{
    Comm *comm = task->comm;
    if (task->kind == TASK_RECORD) {
        if (--task->event->recorded == 0)
            task->event->done = 1;
    } else if (task->kind == TASK_WAIT) {
        while (!task->event->done)
            pthread_cond_wait(&changed, &lock);
    } else {
        int call = comm->calls++, generation = comm->group->generation;
        if (is_fault("async", comm->rank, call)) {
            comm->async_error = REMOTE_ERROR;
            snprintf(last_error, sizeof last_error, "NET/Socket : peer 10.0.0.7 has closed the connection\n");
        }

        if (is_fault("async", comm->rank, call) || is_fault("hang", comm->rank, call)) {
            while (!comm->aborted)
                pthread_cond_wait(&changed, &lock);
            return;
        }

        if (comm->aborted)
            return;
        comm->group->calls[comm->rank] = task->call;
        if (++comm->group->arrived == comm->group->ranks) {
            carry_out(comm->group);
            if (comm->group->mismatch)
                for (int r = 0; r < comm->group->ranks; r++)
                    comm->group->members[r]->async_error = INVALID_USAGE;
            comm->group->arrived = 0;
            comm->group->generation++;
        }

        while (!comm->aborted && (comm->group->generation == generation || comm->group->mismatch)) {
            pthread_cond_broadcast(&changed);
            pthread_cond_wait(&changed, &lock);
        }
    }
}

static void *work(void *argument)
{
    Stream *stream = argument;
    pthread_mutex_lock(&lock);
    while (stream->first || !stream->closed) {
        Task *task = stream->first;
        if (!task) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }

        stream->first = task->next;
        pthread_mutex_unlock(&lock);
        usleep(300); /* it is on its way for a while */
        pthread_mutex_lock(&lock);
        run(task);
        free(task);
        pthread_cond_broadcast(&changed);
    }

    pthread_mutex_unlock(&lock);
    free(stream);
    return NULL;
}

static void put(Stream *stream, Task task) /* locked */
{
    Task *copy = malloc(sizeof task);
    *copy = task;
    copy->next = NULL;
    if (stream->first)
        stream->last->next = copy;
    else
        stream->first = copy;
    stream->last = copy;
    pthread_cond_broadcast(&changed);
}

int cudaGetDeviceCount(int *count) { *count = devices; return devices > 0 ? 0 : 100; }

int cudaSetDevice(int number)
{
    if (number < 0 || number >= devices)
        return CUDA_INVALID_DEVICE;
    device = number;
    return 0;
}

int cudaStreamCreateWithFlags(Stream **stream, unsigned flags)
{
    if (flags != 1)
        return CUDA_INVALID_VALUE;
    *stream = calloc(1, sizeof **stream);
    pthread_mutex_lock(&lock);
    streams++;
    pthread_mutex_unlock(&lock);
    pthread_create(&(*stream)->thread, NULL, work, *stream);
    pthread_detach((*stream)->thread);
    return 0;
}

int cudaStreamDestroy(Stream *stream)
{
    pthread_mutex_lock(&lock);
    streams--;
    stream->closed = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return 0;
}

int cudaEventCreateWithFlags(Event **event, unsigned flags)
{
    if (flags != 2)
        return CUDA_INVALID_VALUE;
    *event = calloc(1, sizeof **event);
    pthread_mutex_lock(&lock);
    (*event)->done = 1; /* as one that was never recorded */
    events++;
    pthread_mutex_unlock(&lock);
    return 0;
}

int cudaEventDestroy(Event *event) /* kept, as a stream may still have it */
{
    pthread_mutex_lock(&lock);
    events--;
    if (event->recorded)
        violations++;
    pthread_mutex_unlock(&lock);
    return 0;
}

int cudaEventRecord(Event *event, Stream *stream)
{
    pthread_mutex_lock(&lock);
    note("record %s\n", stream ? "own" : "default");
    if (stream) {
        event->recorded++;
        event->done = 0;
        put(stream, (Task){ .kind = TASK_RECORD, .event = event });
    } else {
        event->done = 1;
    }

    pthread_mutex_unlock(&lock);
    return 0;
}

int cudaStreamWaitEvent(Stream *stream, Event *event, unsigned flags)
{
    (void)flags;
    pthread_mutex_lock(&lock);
    note("wait %s\n", stream ? "own" : "default");
    if (stream)
        put(stream, (Task){ .kind = TASK_WAIT, .event = event });
    else
        while (!event->done)
            pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return 0;
}

int cudaEventQuery(Event *event)
{
    pthread_mutex_lock(&lock);
    int code = is_fault("gpu", -1, -1) ? CUDA_ILLEGAL_ADDRESS : event->done ? 0 : CUDA_NOT_READY;
    pthread_mutex_unlock(&lock);
    if (code)
        sticky = code;
    return code;
}

int cudaGetLastError(void)
{
    int code = sticky;
    sticky = 0;
    return code;
}

const char *cudaGetErrorString(int code)
{
    return code == CUDA_INVALID_DEVICE ? "invalid device ordinal" : code == 100 ? "no CUDA-capable device is detected"
        : code == CUDA_ILLEGAL_ADDRESS ? "an illegal memory access was encountered" : "invalid argument";
}

/* --- NCCL --------------------------------------------------------------------------------------------------------------- */

int ncclGetVersion(int *version) { *version = 22705; return SUCCESS; }

const char *ncclGetErrorString(int code)
{
    return code == SYSTEM_ERROR ? "unhandled system error (run with NCCL_DEBUG=INFO for details)"
        : code == INVALID_ARGUMENT ? "invalid argument (run with NCCL_DEBUG=WARN for details)"
        : code == INVALID_USAGE ? "invalid usage (run with NCCL_DEBUG=WARN for details)"
        : code == REMOTE_ERROR ? "remote process exited or there was a network error" : "no error";
}

const char *ncclGetLastError(Comm *comm) { (void)comm; return last_error; }

/* All 128 bytes count: a part of them, or a pointer to them, is another id. */
static void fill(Id *id, uint64_t seed)
{
    for (int i = 0; i < 128; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        id->bytes[i] = (unsigned char)(seed >> 56);
    }

    id->bytes[127] = 0; /* so that all together are 0 */
    for (int i = 0; i < 127; i++)
        id->bytes[127] ^= id->bytes[i];
}

int ncclGetUniqueId(Id *id)
{
    const char *address = getenv("NCCL_COMM_ID");
    uint64_t seed = 0;
    pthread_mutex_lock(&lock);
    if (address)
        for (const char *c = address; *c; c++)
            seed = seed * 31 + (unsigned char)*c;
    else
        seed = 1000003u * (uint64_t)++ids;
    note("id %s\n", address ? address : "own");
    pthread_mutex_unlock(&lock);
    fill(id, seed);
    return SUCCESS;
}

int ncclCommInitRankConfig(Comm **result, int ranks, Id id, int rank, Config *config)
{
    unsigned char sum = 0;
    for (int i = 0; i < 128; i++)
        sum ^= id.bytes[i];
    *result = NULL;
    if (sum != 0)
        return INVALID_ARGUMENT;
    if (config->size != 24 || config->magic != 0xcafebeef || config->version != 21400 || config->blocking != 0 || rank < 0 || rank >= ranks)
        return INVALID_ARGUMENT;
    pthread_mutex_lock(&lock);
    Group *group = groups;
    while (group && (memcmp(&group->id, &id, 128) || group->left))
        group = group->next;
    if (!group) {
        group = calloc(1, sizeof *group);
        group->id = id;
        group->ranks = ranks;
        group->next = groups;
        groups = group;
    }

    Comm *comm = calloc(1, sizeof *comm);
    comm->group = group;
    comm->rank = rank;
    comm->device = device;
    comm->polls_until_ready = 3;
    comms++;
    group->members[rank] = comm;
    for (int r = 0; r < ranks; r++)
        if (r != rank && group->members[r] && group->members[r]->device == device) {
            comm->async_error = group->members[r]->async_error = INVALID_USAGE;
            snprintf(last_error, sizeof last_error, "Duplicate GPU detected : rank %d and rank %d both on CUDA device 1a000", rank, r);
        }
    if (is_fault("join error", rank, -1))
        comm->async_error = SYSTEM_ERROR;
    if (!is_fault("join", rank, -1))
        group->joined++;
    *result = comm;
    pthread_mutex_unlock(&lock);
    return IN_PROGRESS;
}

int ncclCommGetAsyncError(Comm *comm, int *state)
{
    if (!comm)
        return INVALID_ARGUMENT;
    pthread_mutex_lock(&lock);
    if (comm->aborted || comm->busy)
        violations++;
    if (comm->polls_until_ready > 0 && comm->group->joined == comm->group->ranks && !comm->never_ready
        && (!comm->finalizing || comm->group->left == comm->group->ranks))
        comm->polls_until_ready--;
    *state = comm->async_error ? comm->async_error : comm->polls_until_ready > 0 ? IN_PROGRESS : SUCCESS;
    pthread_mutex_unlock(&lock);
    return SUCCESS;
}

static int enqueue(const char *name, Call call, Comm *comm, Stream *stream)
{
    if (!comm || !stream || width(call.type) == 0 || call.root < 0 || call.root >= (comm ? comm->group->ranks : 0) || call.count == 0)
        return INVALID_ARGUMENT;
    pthread_mutex_lock(&lock);
    if (comm->aborted || comm->polls_until_ready > 0 || comm->busy++) {
        violations++;
        comm->busy = 0;
        pthread_mutex_unlock(&lock);
        return INVALID_ARGUMENT;
    }

    note("%s %zu\n", name, call.count);
    pthread_mutex_unlock(&lock);
    usleep(50); /* long enough for another thread to come in between */
    pthread_mutex_lock(&lock);
    comm->busy = 0;
    int code = IN_PROGRESS;
    if (is_fault("argument", comm->rank, comm->calls)) {
        code = INVALID_ARGUMENT;
        snprintf(last_error, sizeof last_error, "%s : invalid type 99", name);
    } else {
        comm->polls_until_ready = 2;
        comm->never_ready = is_fault("begin", comm->rank, comm->calls);
        put(stream, (Task){ .kind = TASK_CALL, .call = call, .comm = comm });
    }

    pthread_mutex_unlock(&lock);
    return code;
}

int ncclAllReduce(const void *from, void *to, size_t count, int type, int reduction, Comm *comm, Stream *stream)
{
    return enqueue("ncclAllReduce", (Call){ ALL_REDUCE, type, reduction, 0, count, from, to }, comm, stream);
}

int ncclAllGather(const void *from, void *to, size_t count, int type, Comm *comm, Stream *stream)
{
    return enqueue("ncclAllGather", (Call){ ALL_GATHER, type, 0, 0, count, from, to }, comm, stream);
}

int ncclReduceScatter(const void *from, void *to, size_t count, int type, int reduction, Comm *comm, Stream *stream)
{
    return enqueue("ncclReduceScatter", (Call){ REDUCE_SCATTER, type, reduction, 0, count, from, to }, comm, stream);
}

int ncclBroadcast(const void *from, void *to, size_t count, int type, int root, Comm *comm, Stream *stream)
{
    return enqueue("ncclBroadcast", (Call){ BROADCAST, type, 0, root, count, from, to }, comm, stream);
}

int ncclCommFinalize(Comm *comm)
{
    pthread_mutex_lock(&lock);
    comm->finalizing = 1;
    comm->group->left++;
    comm->polls_until_ready = 1;
    pthread_mutex_unlock(&lock);
    return IN_PROGRESS;
}

int ncclCommDestroy(Comm *comm)
{
    pthread_mutex_lock(&lock);
    comms--;
    if (!comm->finalizing || comm->aborted)
        violations++;
    pthread_mutex_unlock(&lock);
    return SUCCESS;
}

int ncclCommAbort(Comm *comm)
{
    pthread_mutex_lock(&lock);
    comms--;
    aborts++;
    if (comm->aborted)
        violations++;
    comm->aborted = 1;
    comm->group->left++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return IN_PROGRESS;
}
