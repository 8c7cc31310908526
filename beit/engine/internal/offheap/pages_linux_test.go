package offheap_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/beitzoo/beitzoo/beit/engine/internal/offheap"
)

// TestTake_LargePages makes sure that the kernel may give large pages: memory is its process's own, since what is shared gets none by default.
func TestTake_LargePages(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		t.Skip("this kernel has no large pages: ", err)
	}
	var arena offheap.Arena
	defer arena.Free()
	memory := offheap.Take[float32](&arena, 16<<20)
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	address, within := uint64(uintptr(unsafe.Pointer(&memory[0]))), false
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			within = from <= address && address < to
		}
		if flags, found := strings.CutPrefix(line, "VmFlags:"); found && within {
			if all := strings.Fields(flags); !slices.Contains(all, "hg") || slices.Contains(all, "sh") {
				t.Errorf("the memory has the flags %v, which should have hg and lack sh", all)
			}
			return
		}
	}
	t.Error("the memory is not among the maps of this process")
}
