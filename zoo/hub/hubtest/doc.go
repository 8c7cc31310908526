// Package hubtest is a server with the part of the API of Hugging Face's hub that downloads need. Their server is not to be had; that their own client, too,
// downloads from this one is shown by `make test-hub`.
package hubtest
