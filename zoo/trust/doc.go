// Package trust says whose documents are believed.
//
// Manifests and indexes carry detached signatures of the minisign tool: [Sign] makes one, a [Keyring] checks one. A [Ledger] remembers, for
// each place that publishes an index, which keys may sign and which index was accepted last, so that a place cannot later serve an older one.
//
//	accepted, err := trust.Open(folder).Accept("https://zoo.example.org", raw, signature, keys, time.Now())
//	if err != nil { ... }
//	fmt.Println(accepted.Version)
package trust
