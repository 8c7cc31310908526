package pickle

// Blobs lists the payloads that were left in the file.
func (s *Stream) Blobs() []*Blob {
	var blobs []*Blob
	for _, placeholder := range s.placeholders {
		if blob, ok := placeholder.(*Blob); ok {
			blobs = append(blobs, blob)
		}
	}
	return blobs
}
