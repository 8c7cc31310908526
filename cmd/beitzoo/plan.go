package main

import (
	"github.com/dustin/go-humanize"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo/place"
)

// plannedFile is a file that a command would write without --dry-run.
type plannedFile struct {
	Name string `json:"name"`
	// SHA256 is empty if nobody published the digest.
	SHA256 digest.Digest `json:"sha256,omitempty"`
	// Bytes is the size, or -1 if it is not known.
	Bytes int64 `json:"bytes"`
}

// planOf returns files and their size in all. Files of unknown size do not count.
func planOf(files []place.File) (planned []plannedFile, bytes int64) {
	planned = make([]plannedFile, len(files))
	for i, file := range files {
		planned[i] = plannedFile{file.Name, file.Digest, file.Size}
		bytes += max(file.Size, 0)
	}
	return planned, bytes
}

// printPlanned prints a line for each file, and then how much would be written where.
func printPlanned(c *console, verb, where string, files []plannedFile, bytes int64) {
	for _, file := range files {
		size := "?"
		if file.Bytes >= 0 {
			size = humanize.Bytes(uint64(file.Bytes))
		}
		c.printf("  %-32s %9s  %s", file.Name, size, file.SHA256)
	}
	c.printf("would %s %s, %s; nothing was written to %s (--dry-run)", verb, text.Count(len(files), "file", "files"), humanize.Bytes(uint64(bytes)), where)
}
