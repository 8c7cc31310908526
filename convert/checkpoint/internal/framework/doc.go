// Package framework holds the words by which NumPy and PyTorch name element types, and the number that begins PyTorch's older files. Readers and
// writers of both formats take them from here.
package framework
