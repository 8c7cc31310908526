// Package offheap has memory outside of Go's heap, for the weights of models.
//
// The garbage collector lets garbage grow until there is as much of it as of what is in use. A model's weights in its heap would let it grow by hundreds of megabytes, and there is
// nothing in them for it to find. What is outside is not counted by it, nor by GOMEMLIMIT, and has to be freed.
package offheap
