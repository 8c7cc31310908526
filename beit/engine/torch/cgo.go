//go:build libtorch

package torch

/*
#include <stdint.h>
#include <stdlib.h>

// Functions of gotch's libtch/torch_api.h that its Go package has no wrapper for, or one that does not free.
char *get_and_reset_last_err(void);
void at_set_num_threads(int);
int at_get_num_threads(void);
void *at_tensor_of_blob(void *data, int64_t *dims, size_t ndims, int64_t *strides, size_t nstrides, int type, int device);
void *atm_load_str(char *data, size_t size);
void *atm_load_on_device(char *path, int device);
*/
import "C"

import (
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// lastError returns, and forgets, the message of the exception that the last call on this thread threw, or "" if it threw none.
func lastError() string {
	message := C.get_and_reset_last_err()
	if message == nil {
		return ""
	}
	defer C.free(unsafe.Pointer(message))
	return C.GoString(message)
}

// setThreads sets how many threads operators called on this thread use. When a thread first asks, libtorch
// gives it the number that was last set on any thread; so it is made to ask before the number is set.
func setThreads(threads int) {
	usedThreads()
	C.at_set_num_threads(C.int(threads))
}

// usedThreads returns how many threads operators called on this thread use.
func usedThreads() int { return int(C.at_get_num_threads()) }

// tensorOver makes a tensor on the CPU over memory that it does not own.
func tensorOver(data unsafe.Pointer, shape []int64, dtype dtype) libtch.Ctensor {
	strides := make([]int64, len(shape)+1)
	strides[len(shape)] = 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = strides[i+1] * shape[i]
	}
	sizes, steps := (*C.int64_t)(&append(shape, 0)[0]), (*C.int64_t)(&append(strides[1:], 0)[0])
	count := C.size_t(len(shape))
	return libtch.Ctensor(C.at_tensor_of_blob(data, sizes, count, steps, count, C.int(dtype), C.int(cpu)))
}

// loadProgram loads a TorchScript archive.
func loadProgram(archive []byte) libtch.Cmodule {
	data := C.CBytes(archive)
	defer C.free(data)
	return libtch.Cmodule(C.atm_load_str((*C.char)(data), C.size_t(len(archive))))
}

// loadScript loads the TorchScript archive in a file.
func loadScript(path string, device device) libtch.Cmodule {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	return libtch.Cmodule(C.atm_load_on_device(name, C.int(device)))
}
