package libtorch

import "slices"

// The versions of libtorch that the torch engine is tested with. They are written down here alone: the Makefile asks `gotchfit versions`, and a
// test compares dev/interop/requirements.txt and docs/libtorch.md with them. After a change, `make libtorch-check` tests them all.
const (
	// Default is the version that `make libtorch` fetches if the machine has none.
	Default = "2.11.0"
	// GotchVersion is the one that gotch v0.9.1 was written for.
	GotchVersion = "2.1.2"
	// DebianVersion is that of the package libtorch-dev in Debian 12.
	DebianVersion = "1.13.1"
)

// Space on disk, in bytes, for downloading and unpacking the Default at the same time, with some room: the CPU part, and everything.
const (
	CPUSpace  = 1_300_000_000
	CUDASpace = 8_500_000_000
)

// Version is a version of libtorch that the torch engine is tested with.
type Version struct {
	// Name is what the Makefile calls it.
	Name   string
	Number string
	// Use says what it is, in words.
	Use string
}

// Versions lists them, newest first.
func Versions() []Version {
	return []Version{
		{"default", Default, "fetched if the machine has none"},
		{"gotch", GotchVersion, "the one that gotch was written for"},
		{"debian", DebianVersion, "Debian 12's package libtorch-dev"},
	}
}

// VersionByName returns the version of that name.
func VersionByName(name string) (version Version, known bool) {
	all := Versions()
	at := slices.IndexFunc(all, func(v Version) bool { return v.Name == name })
	if at < 0 {
		return Version{}, false
	}
	return all[at], true
}
