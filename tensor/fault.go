package tensor

import (
	"runtime/debug"

	"github.com/beitzoo/beitzoo/errdef"
)

// ErrFault says that mapped memory became unreadable, most likely because its file was cut short.
var ErrFault = errdef.New(errdef.ErrInput, "the file became unreadable while it was read; was it changed?")

// Guard runs read, which may touch the memory of a mapped file, and turns a fault there into ErrFault. Each goroutine needs a guard of its own.
func Guard(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			if _, fault := cause.(interface{ Addr() uintptr }); !fault {
				panic(cause)
			}
			err = ErrFault
		}
	}()
	return read()
}
