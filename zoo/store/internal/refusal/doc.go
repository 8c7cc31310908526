// Package refusal knows what it means that a server did not send what was asked for, and what the user can do: one table of statuses, one of the error
// codes of registries, and one of what goes wrong with connections. Stores that speak HTTP make their errors here.
package refusal
