package engine

import (
	"fmt"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

var (
	// ErrUnavailable says that this build or machine lacks something that was asked for: libtorch, a device, a dtype.
	ErrUnavailable = errdef.New(errdef.ErrUnavailable, "not available here")
	// ErrClosed says that a model was used after Close.
	ErrClosed = errdef.New(errdef.ErrInput, "the model is closed")
)

// DeviceError says that an engine cannot use a device. It wraps ErrUnavailable.
type DeviceError struct {
	// Engine is the engine's name, and Device the device that was asked for.
	Engine, Device string
	// Reason says why, in words that follow the name of the engine, such as "runs on the CPU only".
	Reason string
}

func (e *DeviceError) Error() string {
	return fmt.Sprintf("device %q: the %s engine %s", e.Device, e.Engine, e.Reason)
}

// Unwrap returns ErrUnavailable.
func (e *DeviceError) Unwrap() error { return ErrUnavailable }

// DTypeError says that an engine does not compute in a dtype. It wraps ErrUnavailable.
type DTypeError struct {
	// Engine is the engine's name, and DType the dtype that was asked for.
	Engine string
	DType  tensor.DType
	// Reason says why, as a sentence without a full stop.
	Reason string
	// Newer says that a newer version of the library of the engine may have it.
	Newer bool
}

func (e *DTypeError) Error() string {
	return fmt.Sprintf("dtype %s in the %s engine: %s", e.DType, e.Engine, e.Reason)
}

// Unwrap returns ErrUnavailable.
func (e *DTypeError) Unwrap() error { return ErrUnavailable }
