// Package transport gives up HTTP requests on which nothing arrives any more, and limits the rate of what arrives.
package transport
