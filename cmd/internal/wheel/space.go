package wheel

import (
	"fmt"

	"github.com/dustin/go-humanize"
)

// What downloading and unpacking need at the same time, with some room: measured for 2.11.0.
const (
	cpuSpace  = 1_300_000_000
	cudaSpace = 8_500_000_000
)

// SpaceError says that the disk is too full.
type SpaceError struct {
	Folder     string
	Need, Have uint64
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("%s has %s free, libtorch needs %s", e.Folder, humanize.Bytes(e.Have), humanize.Bytes(e.Need))
}

// Hint says how to use another disk.
func (e *SpaceError) Hint() string {
	return "make room, or set XDG_CACHE_HOME to a folder on another disk"
}
