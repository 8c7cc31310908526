// Package pictures finds the pictures that are meant by names of files and folders, by patterns, and by lists.
//
// [Find] takes files, folders, which are searched to the bottom, and patterns. [Lines] reads paths from a list as they come. [Natural] compares names as people
// number them. Files beside pictures are not an error: a [Found] counts them.
package pictures
