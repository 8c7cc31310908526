// Package trust decides whose indexes and manifests are accepted.
//
// Manifests and indexes carry detached signatures of the minisign tool: [Sign] makes one, a [Keyring] checks one. An index names the keys of its place: a
// [KeyList] is what became of the signed changes of that list, and says which keys may sign what. A [Ledger] remembers, for each place that publishes an
// index, the list of keys and the index that was accepted last, so that a place cannot later serve an older one, and a stolen key cannot bring itself back.
//
//	key, err := trust.ReadPublicKey("publisher.pub")
//	if err != nil { ... }
//	accepted, err := trust.Open(folder).Accept("https://zoo.example.org", raw, signature, trust.Keyring{key}, time.Now())
//	if err != nil { ... }
//	fmt.Println(accepted.Version)
package trust
