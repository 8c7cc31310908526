package offheap

import (
	"github.com/edsrzf/mmap-go"
	"golang.org/x/sys/unix"
)

// access makes regions the process's own. With RDWR they are shared memory, which Linux gives no large pages by default.
const access = mmap.COPY

// preferLargePages asks for pages of megabytes, which are filled faster when they are touched first, and need fewer entries of the processor's tables.
func preferLargePages(region []byte) { _ = unix.Madvise(region, unix.MADV_HUGEPAGE) } // systems without them refuse
