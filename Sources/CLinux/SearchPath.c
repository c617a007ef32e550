#define _GNU_SOURCE
#include "SearchPath.h"
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const void *part(const unsigned char *file, size_t length, uint64_t offset, uint64_t count) {
    return offset <= length && count <= length - offset ? file + offset : NULL;
}

static int find(const unsigned char *file, size_t length, char *text, size_t size) {
    const Elf64_Ehdr *head = part(file, length, 0, sizeof *head);
    if (!head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_ident[EI_CLASS] != ELFCLASS64) return -1;
    if (head->e_shentsize != sizeof(Elf64_Shdr)) return -1;
    const Elf64_Shdr *sections = part(file, length, head->e_shoff, (uint64_t)head->e_shnum * sizeof *sections);
    if (!sections) return -1;
    for (unsigned index = 0; index < head->e_shnum; index++) {
        const Elf64_Shdr *section = &sections[index];
        if (section->sh_type != SHT_DYNAMIC || section->sh_link >= head->e_shnum) continue;
        const Elf64_Shdr *names = &sections[section->sh_link];
        const char *strings = part(file, length, names->sh_offset, names->sh_size);
        const Elf64_Dyn *entry = part(file, length, section->sh_offset, section->sh_size);
        if (!strings || !entry) return -1;
        for (size_t count = section->sh_size / sizeof *entry; count > 0 && entry->d_tag != DT_NULL; count--, entry++) {
            if (entry->d_tag != DT_RUNPATH && entry->d_tag != DT_RPATH) continue;
            if (entry->d_un.d_val >= names->sh_size) return -1;
            const char *path = strings + entry->d_un.d_val;
            size_t rest = names->sh_size - entry->d_un.d_val, bytes = strnlen(path, rest);
            if (bytes == rest || bytes >= size) return -1;
            memcpy(text, path, bytes + 1);
            return 0;
        }
    }
    return -1;
}

int tributary_search_path(const char *path, char *text, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return -1;
    struct stat status;
    int result = -1;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
        size_t length = (size_t)status.st_size;
        void *bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, file, 0);
        if (bytes != MAP_FAILED) {
            result = find(bytes, length, text, size);
            munmap(bytes, length);
        }
    }
    close(file);
    return result;
}
