// Package output writes a file so that it either appears whole under its name or not at all.
//
// The content is a list of [Part]s whose sizes are known in advance. [Write] puts them beside the target with all cores, syncs, lets the
// caller check the result, and renames. A file that had that name before stays until then.
package output
