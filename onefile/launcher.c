/* The head of `gilfoyle-linux-…`: unpacks what follows it once, and runs it.
 *
 * The file is this program, then a zstd frame of a ustar archive, then a trailer of TRAILER bytes (onefile/pack.py).
 * It is linked statically: where it runs there may be neither Python nor zstd. It unpacks beside the place and renames,
 * so what has the final name is whole, however a start ended. Locks are flock(2): they end with their process.
 *
 *   CACHE/.lock            held by whoever unpacks
 *   CACHE/.new             being unpacked; left over if nobody holds the lock
 *   CACHE/VERSION-ID       whole; whoever runs it holds a shared lock of the folder, so that no other version removes it
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zstd.h>

#define TRAILER 256
#define BLOCK 512
#define WINDOW_LOG_MAX 27 /* 128 MiB, as pack.py compresses */
/* What a file takes beside its bytes, for the guess whether there is room. */
#define SLACK_BYTES 2048
#define MB 1000000ULL

extern char **environ;

static struct {
    char version[64], id[64];
    unsigned long long at, packed, unpacked, files;
} payload;

static char cache[PATH_MAX - 512];
static char draft[PATH_MAX - 256];
static char final[PATH_MAX - 256];
static int drafting;

static int remove_one(const char *path, const struct stat *unused, int kind, struct FTW *walk) {
    (void)unused, (void)kind, (void)walk;
    return remove(path);
}

static int remove_tree(const char *path) { return nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS); }

static void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    if (drafting)
        remove_tree(draft);
    exit(1);
}

static void no_place(const char *path) {
    if (errno == ENOSPC || errno == EDQUOT)
        die("There is no room in %s: Gilfoyle unpacks itself there once, %llu MB. Make room, or name another folder in "
            "XDG_CACHE_HOME.",
            cache, payload.unpacked / MB);
    die("Gilfoyle can't unpack itself into %s: %s. Name a folder that it may write to in XDG_CACHE_HOME.", path,
        strerror(errno));
}

static void damaged(void) { die("This file of Gilfoyle is not whole: download it again."); }

static void read_trailer(int self) {
    char text[TRAILER + 1] = "";
    off_t end = lseek(self, 0, SEEK_END);
    if (end < TRAILER || pread(self, text, TRAILER, end - TRAILER) != TRAILER)
        damaged();
    if (sscanf(text, "gilfoyle-one-file 1 %63s %63s %llu %llu %llu %llu\n", payload.version, payload.id, &payload.at,
               &payload.packed, &payload.unpacked, &payload.files) != 6)
        damaged();
    if (payload.at + payload.packed + TRAILER != (unsigned long long)end)
        damaged();
}

/* ---- where it is unpacked ------------------------------------------------------------------------------------- */

static int make_folders(char *path, mode_t last) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int failed = mkdir(path, 0755) && errno != EEXIST;
        *slash = '/';
        if (failed)
            return -1;
    }
    return mkdir(path, last) && errno != EEXIST ? -1 : 0;
}

/* Whether this version is in `cache`, or can be put there. */
static int usable(mode_t last) {
    snprintf(draft, sizeof draft, "%s/.new", cache);
    snprintf(final, sizeof final, "%s/%s-%s", cache, payload.version, payload.id);
    return !access(final, X_OK) || (!make_folders(cache, last) && !access(cache, W_OK | X_OK));
}

/* As the XDG base directory specification has it; for root, who serves all users, /var/cache; without a home that can be
 * written to, as a container's user has none, /var/tmp. */
static void choose_cache(void) {
    const char *named = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    unsigned user = geteuid();
    int found = 0;
    if (named && *named == '/') {
        if ((size_t)snprintf(cache, sizeof cache, "%s/gilfoyle", named) >= sizeof cache)
            die("The path in XDG_CACHE_HOME is too long.");
        if (!usable(0755))
            no_place(cache);
        found = 1;
    } else if (user == 0) {
        snprintf(cache, sizeof cache, "/var/cache/gilfoyle");
        found = usable(0755);
    } else if (home && *home == '/' && strlen(home) < sizeof cache - 32) {
        snprintf(cache, sizeof cache, "%s/.cache/gilfoyle", home);
        found = usable(0755);
    }
    if (!found) {
        snprintf(cache, sizeof cache, "/var/tmp/gilfoyle-%u", user);
        if (!usable(0700))
            no_place(cache);
    }
    struct stat is;
    if (lstat(cache, &is))
        no_place(cache);
    /* Whoever may write there could put a program of his own in the place of ours. */
    if (!S_ISDIR(is.st_mode) || (is.st_uid != user && is.st_uid != 0) || (is.st_mode & (S_IWGRP | S_IWOTH)))
        die("The folder %s is not this user's alone, so Gilfoyle does not run from it. Name another in XDG_CACHE_HOME.",
            cache);
}

/* ---- unpacking ------------------------------------------------------------------------------------------------- */

static struct {
    int root, file;
    char header[BLOCK];
    size_t have;             /* of the header */
    unsigned long long left; /* of the file's bytes */
    size_t padding;          /* to the end of its last block */
    unsigned long long files;
    mode_t mode;
} tar = {.root = -1, .file = -1};

static unsigned long long octal(const char *field, size_t width) {
    char text[16] = "";
    memcpy(text, field, width < 15 ? width : 15);
    return strtoull(text, NULL, 8);
}

static void close_file(void) {
    if (tar.file < 0)
        return;
    /* Some file systems tell only now that the disk is full. */
    if (fchmod(tar.file, tar.mode) || close(tar.file))
        no_place(draft);
    tar.file = -1;
}

static void entry(void) {
    const char *at = tar.header;
    if (!at[257])
        return; /* the empty blocks at the end; a name may be empty, where all of it is in the prefix */
    if (memcmp(at + 257, "ustar", 5))
        damaged();
    char path[260], link[101] = "";
    int prefix = at[345] != 0;
    snprintf(path, sizeof path, "%.155s%s%.100s", at + 345, prefix ? "/" : "", at);
    memcpy(link, at + 157, 100);
    if (*path == '/' || strstr(path, ".."))
        damaged();
    tar.mode = octal(at + 100, 8) & 0777;
    tar.left = octal(at + 124, 12);
    tar.padding = (BLOCK - tar.left % BLOCK) % BLOCK;
    tar.files++;
    switch (at[156]) {
    case '5':
        if (mkdirat(tar.root, path, 0755))
            no_place(draft);
        break;
    case '2':
        if (symlinkat(link, tar.root, path))
            no_place(draft);
        break;
    case '0':
        tar.file = openat(tar.root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (tar.file < 0)
            no_place(draft);
        if (!tar.left)
            close_file();
        break;
    default:
        damaged();
    }
}

static void take(const char *bytes, size_t count) {
    while (count) {
        size_t now;
        if (tar.left) {
            now = tar.left < count ? tar.left : count;
            for (size_t done = 0; done < now;) {
                ssize_t written = write(tar.file, bytes + done, now - done);
                if (written < 0 && errno == EINTR)
                    continue;
                if (written < 0)
                    no_place(draft);
                done += written;
            }
            tar.left -= now;
            if (!tar.left)
                close_file();
        } else if (tar.padding) {
            now = tar.padding < count ? tar.padding : count;
            tar.padding -= now;
        } else {
            now = BLOCK - tar.have < count ? BLOCK - tar.have : count;
            memcpy(tar.header + tar.have, bytes, now);
            tar.have += now;
            if (tar.have == BLOCK) {
                tar.have = 0;
                entry();
            }
        }
        bytes += now;
        count -= now;
    }
}

static void unpack(int self) {
    struct statvfs room;
    if (!statvfs(cache, &room) &&
        (unsigned long long)room.f_bavail * room.f_frsize < payload.unpacked + payload.files * SLACK_BYTES) {
        errno = ENOSPC;
        no_place(cache);
    }
    fprintf(stderr, "Unpacking Gilfoyle %s into %s, once: %llu MB. Licences: NOTICE.md there.\n", payload.version, final,
            payload.unpacked / MB);
    if (remove_tree(draft) && errno != ENOENT)
        no_place(draft);
    if (mkdir(draft, 0755))
        no_place(draft);
    drafting = 1;
    tar.root = open(draft, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tar.root < 0)
        no_place(draft);

    size_t in_bytes = ZSTD_DStreamInSize(), out_bytes = ZSTD_DStreamOutSize();
    char *in = malloc(in_bytes), *out = malloc(out_bytes);
    ZSTD_DCtx *stream = ZSTD_createDCtx();
    if (!in || !out || !stream)
        die("There is not enough memory to unpack Gilfoyle.");
    ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    unsigned long long left = payload.packed;
    off_t at = payload.at;
    size_t rest = 1; /* 0 once the frame has ended, and its checksum was right */
    while (left) {
        ssize_t got = pread(self, in, left < in_bytes ? left : in_bytes, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            damaged();
        at += got;
        left -= got;
        ZSTD_inBuffer from = {in, got, 0};
        while (from.pos < from.size) {
            ZSTD_outBuffer to = {out, out_bytes, 0};
            rest = ZSTD_decompressStream(stream, &to, &from);
            if (ZSTD_isError(rest))
                damaged();
            take(out, to.pos);
        }
    }
    if (rest || tar.left || tar.files != payload.files)
        damaged();
    ZSTD_freeDCtx(stream);
    free(in);
    free(out);
    /* What a power cut leaves under the final name must be whole, too. */
    if (syncfs(tar.root) || rename(draft, final))
        no_place(final);
    drafting = 0;
    close(tar.root);
}

/* ---- one version beside another ----------------------------------------------------------------------------------- */

/* Whether there is a whole version at `final`, which this process now holds for as long as it lives, exec included. */
static int hold(void) {
    int folder = open(final, O_RDONLY | O_DIRECTORY);
    if (folder < 0)
        return 0;
    struct stat held, named;
    flock(folder, LOCK_SH); /* Where there are no locks nothing is removed either: see remove_others. */
    if (!fstat(folder, &held) && !stat(final, &named) && held.st_ino == named.st_ino && held.st_dev == named.st_dev)
        return 1;
    close(folder); /* another version has just removed it */
    return 0;
}

static int is_version(const char *name) {
    const char *dash = strrchr(name, '-');
    return *name >= '0' && *name <= '9' && dash && strlen(dash + 1) == strlen(payload.id) &&
           strspn(dash + 1, "0123456789abcdef") == strlen(payload.id);
}

/* What nobody runs of other versions: their own file unpacks them again. Called with the lock held. */
static void remove_others(void) {
    DIR *folder = opendir(cache);
    if (!folder)
        return;
    struct dirent *each;
    char path[PATH_MAX], old[PATH_MAX];
    snprintf(old, sizeof old, "%s/.old", cache);
    remove_tree(old);
    while ((each = readdir(folder))) {
        snprintf(path, sizeof path, "%s/%s", cache, each->d_name);
        if (!is_version(each->d_name) || !strcmp(path, final))
            continue;
        int held = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (held < 0)
            continue;
        if (!flock(held, LOCK_EX | LOCK_NB) && !rename(path, old)) {
            fprintf(stderr, "Removed %s, which nobody runs.\n", path);
            remove_tree(old);
        }
        close(held);
    }
    closedir(folder);
}

static void get_ready(int self) {
    char path[PATH_MAX];
    if (hold())
        return;
    snprintf(path, sizeof path, "%s/.lock", cache);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        no_place(cache);
    if (flock(lock, LOCK_EX | LOCK_NB)) {
        if (errno == EWOULDBLOCK)
            fputs("Another start is unpacking Gilfoyle: waiting for it.\n", stderr);
        while (flock(lock, LOCK_EX))
            if (errno != EINTR)
                no_place(cache);
    }
    if (!hold()) {
        unpack(self);
        if (!hold())
            no_place(final);
        remove_others();
    }
    close(lock);
}

/* ---- running it --------------------------------------------------------------------------------------------------- */

/* Python obeys these, and so do the processes that `up` starts: what the user has for his own Python is not for ours. */
static void clear_environment(void) {
    for (char **each = environ; *each;) {
        char name[256];
        size_t length = strcspn(*each, "=");
        if (!strncmp(*each, "PYTHON", 6) && length < sizeof name) {
            memcpy(name, *each, length);
            name[length] = 0;
            unsetenv(name);
            each = environ;
        } else {
            each++;
        }
    }
    setenv("PYTHONSAFEPATH", "1", 1);   /* nothing from the working folder */
    setenv("PYTHONNOUSERSITE", "1", 1); /* nothing from ~/.local */
}

int main(int count, char **arguments) {
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (self < 0)
        die("Gilfoyle can't read its own file: is /proc mounted? (%s)", strerror(errno));
    read_trailer(self);
    mode_t mask = umask(022); /* what is unpacked is for all: PostgreSQL, which root runs as another user, among them */
    choose_cache();
    get_ready(self);
    umask(mask);
    close(self);
    clear_environment();

    char program[PATH_MAX];
    snprintf(program, sizeof program, "%s/bin/python3", final);
    char **line = calloc(count + 3, sizeof *line);
    if (!line)
        die("There is not enough memory to run Gilfoyle.");
    line[0] = program;
    line[1] = "-m";
    line[2] = "gilfoyle";
    for (int each = 1; each < count; each++)
        line[each + 2] = arguments[each];
    execv(program, line);
    if (errno == ENOENT && !access(program, F_OK))
        die("Gilfoyle needs the GNU C library, which this system (Alpine?) has not. The image runs anywhere.");
    if (errno == EACCES)
        die("Nothing can be run in %s: is it mounted noexec? Name another folder in XDG_CACHE_HOME.", cache);
    die("Gilfoyle can't be run: %s (%s).", strerror(errno), program);
}
