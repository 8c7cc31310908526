// Package framework holds the words by which NumPy and PyTorch name element types, and what tells files apart that begin alike: the number
// that begins PyTorch's older files, and the length that begins safetensors files. Readers and writers of these formats take them from here.
package framework
