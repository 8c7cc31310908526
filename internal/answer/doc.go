// Package answer recognises what servers send in place of a file, and finds the words in it that are meant for people.
package answer
