// Package report writes the result of a verification: as text for people, as JSON for programs, and as an HTML page that stands alone.
package report
