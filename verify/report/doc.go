// Package report renders a verification result for people, as text, and for programs, as JSON.
package report
