//go:build !linux

package disk

import "os"

// Reserve does nothing where the system has no call for it: a full disk is then noticed when it is full.
func Reserve(*os.File, int64) error { return nil }

// StartSync leaves the work to the final sync.
func StartSync(*os.File, int64, int64) {}
