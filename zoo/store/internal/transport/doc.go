// Package transport guards HTTP connections: against lines on which nothing moves any more, and against using a line up.
package transport
