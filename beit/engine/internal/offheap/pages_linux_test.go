package offheap_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/beitzoo/beitzoo/beit/engine/internal/offheap"
)

// TestTake_LargePages makes sure that the kernel treats what is taken as memory of the process's own for which large pages were asked. What is shared gets none by default.
func TestTake_LargePages(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	own, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(own) }()
	_ = unix.Madvise(own, unix.MADV_HUGEPAGE) // not every kernel knows them, and an emulator takes no notice
	var arena offheap.Arena
	defer arena.Free()
	want, got := flags(t, unsafe.Pointer(&own[0])), flags(t, unsafe.Pointer(&offheap.Take[float32](&arena, size/4)[0]))
	if !slices.Equal(got, want) {
		t.Errorf("the memory has the flags %v, want %v", got, want)
	}
}

// flags returns what the kernel notes about the mapping of an address; see proc(5), VmFlags.
func flags(t *testing.T, pointer unsafe.Pointer) []string {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	address, within := uint64(uintptr(pointer)), false
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			within = from <= address && address < to
		}
		if flags, found := strings.CutPrefix(line, "VmFlags:"); found && within {
			return strings.Fields(flags)
		}
	}
	t.Fatal("the memory is not among the maps of this process")
	return nil
}
