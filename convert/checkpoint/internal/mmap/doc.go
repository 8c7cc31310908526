// Package mmap shows a file as a slice of bytes: mapped where the system can do it, read into memory where it cannot.
package mmap
