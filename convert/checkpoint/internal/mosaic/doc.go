// Package mosaic puts a tensor together from the parts that the processes of a distributed training saved.
//
//	view, err := mosaic.Join(dtype, shape, parts)
//
// Every element must be in exactly one part. Nothing is read before the elements are asked for; then the tensor is put together in memory, unless its parts
// follow each other in the first dimension, as those of FSDP do.
package mosaic
