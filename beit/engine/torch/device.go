//go:build libtorch

package torch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sugarme/gotch/libtch"
)

// device is gotch's number: the index of a CUDA device, or cpu.
type device int32

const cpu device = -1

// parseDevice takes "cpu", "cuda" or "cuda:N", and checks that the device is there. Empty takes "cpu".
func parseDevice(name string) (device, error) {
	if name == "" || name == "cpu" {
		return cpu, nil
	}
	kind, number, numbered := strings.Cut(name, ":")
	index, err := strconv.Atoi(number)
	if kind != "cuda" || numbered && (err != nil || index < 0) {
		return 0, &DeviceError{name, `it is "cpu", "cuda" or "cuda:N"`}
	}
	if !libtch.AtcCudaIsAvailable() {
		return 0, &DeviceError{name, "this libtorch, as it was linked, finds no CUDA device"}
	}
	if count := int(libtch.AtcCudaDeviceCount()); index >= count {
		return 0, &DeviceError{name, fmt.Sprintf("there are %d CUDA devices, counted from 0", count)}
	}
	return device(index), nil
}

// CUDADevices is the number of CUDA devices that libtorch can use.
func CUDADevices() int {
	if !libtch.AtcCudaIsAvailable() {
		return 0
	}
	return int(libtch.AtcCudaDeviceCount())
}
