// Where a shared library looks for those that it needs.
#pragma once
#include <stddef.h>

/// Writes the search path that a shared library was linked with (DT_RUNPATH or DT_RPATH of elf(5)), folders apart by colons, as
/// a text of at most `size - 1` bytes. 0, or -1 where the file is no such library or has none.
int tributary_search_path(const char *file, char *text, size_t size);
