//go:build libtorch

package torch

/*
#include <stdint.h>
#include <stdlib.h>

// Functions of gotch's libtch/torch_api.h that its Go package does not wrap, or whose wrapper leaks memory.
char *get_and_reset_last_err(void);
void at_set_num_threads(int);
int at_get_num_threads(void);
void *at_tensor_of_blob(void *data, int64_t *dims, size_t ndims, int64_t *strides, size_t nstrides, int type, int device);
void *atm_load_str(char *data, size_t size);
void *atm_load_on_device(char *path, int device);

static int processor_is_of_intel(void) {
#if defined(__x86_64__)
	__builtin_cpu_init();
	return __builtin_cpu_is("intel");
#else
	return 0;
#endif
}
*/
import "C"

import (
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// lastError returns and clears the message of the last exception on this thread, or returns "" if there was none.
func lastError() string {
	message := C.get_and_reset_last_err()
	if message == nil {
		return ""
	}
	defer C.free(unsafe.Pointer(message))
	return C.GoString(message)
}

// setThreads sets how many threads operators called on this thread use. At its first query a thread inherits the number
// that was last set on any thread, which would undo an earlier setting; so the query is made first.
func setThreads(threads int) {
	usedThreads()
	C.at_set_num_threads(C.int(threads))
}

// usedThreads returns how many threads operators called on this thread use.
func usedThreads() int { return int(C.at_get_num_threads()) }

// processorOfIntel reports whether the processor is one of Intel.
func processorOfIntel() bool { return C.processor_is_of_intel() != 0 }

// tensorOver returns a tensor on the CPU that uses data as its memory, without owning it.
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
