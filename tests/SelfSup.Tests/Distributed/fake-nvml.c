/* Stands in for NVIDIA's management library: one GPU at 0000:65:00.0, half busy, and one at 0000:66:00.0 that is a part and does not say. */
#include <string.h>

typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned int gpu, memory; } utilization;

static int ready;

int nvmlInit_v2(void) { ready = 1; return 0; }

int nvmlDeviceGetHandleByPciBusId_v2(const char *id, void **device)
{
    if (!ready) return 1; /* uninitialized */
    if (strcmp(id, "0000:65:00.0") == 0) { *device = (void *)1; return 0; }
    if (strcmp(id, "0000:66:00.0") == 0) { *device = (void *)2; return 0; }
    return 6; /* not found */
}

int nvmlDeviceGetUUID(void *device, char *text, unsigned int length)
{
    (void)device;
    strncpy(text, "GPU-5d1f", length);
    return 0;
}

int nvmlDeviceGetName(void *device, char *text, unsigned int length)
{
    (void)device;
    strncpy(text, "NVIDIA H100", length);
    return 0;
}

int nvmlDeviceGetMemoryInfo(void *device, memory *m)
{
    (void)device;
    m->total = 80ULL << 30;
    m->used = 20ULL << 30;
    m->free = m->total - m->used;
    return 0;
}

int nvmlDeviceGetUtilizationRates(void *device, utilization *u)
{
    u->gpu = 50;
    u->memory = 7;
    return device == (void *)2 ? 3 : 0; /* not supported */
}
