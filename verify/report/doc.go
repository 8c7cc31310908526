// Package report writes the result of a verification: as text for people, and as JSON for programs.
package report
