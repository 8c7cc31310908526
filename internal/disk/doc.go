// Package disk writes files so that they appear whole under their names or not at all, also after a power cut.
package disk
