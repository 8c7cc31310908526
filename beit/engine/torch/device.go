//go:build libtorch

package torch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sugarme/gotch/libtch"

	"github.com/beitzoo/beitzoo/beit/engine"
)

// device is gotch's number of a device: the index of a CUDA device, or cpu.
type device int32

const cpu device = -1

// parseDevice parses "cpu", "cuda" or "cuda:N"; "" means "cpu". It returns an *engine.DeviceError if the machine does not have the device.
func parseDevice(name string) (device, error) {
	if name == "" || name == "cpu" {
		return cpu, nil
	}
	kind, number, numbered := strings.Cut(name, ":")
	index, err := strconv.Atoi(number)
	if kind != "cuda" || numbered && (err != nil || index < 0) {
		return 0, absent(name, `has the devices "cpu", "cuda" and "cuda:N"`)
	}
	if !libtch.AtcCudaIsAvailable() {
		return 0, absent(name, "finds no CUDA device, as its libtorch was linked")
	}
	if count := int(libtch.AtcCudaDeviceCount()); index >= count {
		return 0, absent(name, fmt.Sprintf("finds no such device; those of CUDA are counted from 0, and there are %d", count))
	}
	return device(index), nil
}

// CUDADevices returns the number of CUDA devices that libtorch can use.
func CUDADevices() int {
	if !libtch.AtcCudaIsAvailable() {
		return 0
	}
	return int(libtch.AtcCudaDeviceCount())
}

func absent(device, reason string) error {
	return &engine.DeviceError{Engine: Engine{}.Name(), Device: device, Reason: reason}
}
