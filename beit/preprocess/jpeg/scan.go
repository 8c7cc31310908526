package jpeg

// scan is a pass over some components.
type scan struct {
	components []*scanComponent
	// from and to are the first and the last coefficient; high and low are the bits that were missing before the scan and after it.
	from, to, high, low int
}

type scanComponent struct {
	*component
	dc, ac *huffman
	// last is the DC coefficient of the block before.
	last int
}

// scanHeader reads what a scan has, into d.current.
func (d *decoder) scanHeader(body []byte) error {
	if d.components == nil {
		return malformed("a scan without a frame")
	}
	if len(body) < 1 || len(body) != 4+2*int(body[0]) || body[0] < 1 || body[0] > 4 {
		return malformed("a scan header of %d bytes", len(body))
	}
	s := &scan{}
	count := int(body[0])
	rest := body[1+2*count:]
	s.from, s.to, s.high, s.low = int(rest[0]), int(rest[1]), int(rest[2]>>4), int(rest[2]&15)
	if !d.progressive { // what the header says is not used
		s.from, s.to, s.high, s.low = 0, 63, 0, 0
	}
	blocks := 0
	for i := range count {
		id, tables := body[1+2*i], body[2+2*i]
		c := d.find(id, s)
		if c == nil {
			return malformed("a scan of component %d, which the frame does not have, or twice", id)
		}
		blocks += c.h * c.v
		own := &scanComponent{component: c}
		if err := d.tables(own, s, tables>>4, tables&15); err != nil {
			return err
		}
		s.components = append(s.components, own)
	}
	if count > 1 && blocks > 10 {
		return malformed("a scan of %d blocks a unit", blocks)
	}
	if d.progressive {
		if err := s.progress(d.count == 0); err != nil {
			return err
		}
	}
	d.current = s
	return nil
}

// find returns the component with an identifier that the scan does not have yet, or nil.
func (d *decoder) find(id byte, s *scan) *component {
	for i := range d.components {
		c := &d.components[i]
		taken := false
		for _, other := range s.components {
			taken = taken || other.component == c
		}
		if c.id == id && !taken {
			return c
		}
	}
	return nil
}

// tables gives a component the tables of a scan: those of codes, and in its first scan the quantisers.
func (d *decoder) tables(c *scanComponent, s *scan, dc, ac byte) error {
	needsDC, needsAC := s.from == 0 && s.high == 0, s.to > 0
	if needsDC {
		if dc > 3 || d.table(&d.dc, dc, 0) == nil || !d.dc[dc].usable() {
			return malformed("no table %d of codes for DC", dc)
		}
		c.dc = d.dc[dc]
	}
	if needsAC {
		if ac > 3 || d.table(&d.ac, ac, 1) == nil {
			return malformed("no table %d of codes for AC", ac)
		}
		c.ac = d.ac[ac]
	}
	if c.quant == nil {
		if c.table > 3 || d.quant[c.table] == nil {
			return malformed("no quantisers %d", c.table)
		}
		c.quant = d.quant[c.table]
	}
	return nil
}

// table returns a table, the usual one if a sequential file has none, as frames of Motion JPEG do.
func (d *decoder) table(of *[4]*huffman, at byte, class int) *huffman {
	if of[at] == nil && at < 2 && !d.progressive {
		of[at] = usual(class, int(at))
	}
	return of[at]
}

// progress checks the parameters of a scan of a progressive file, and notes which bits are known after it.
func (s *scan) progress(first bool) error {
	switch {
	case s.from == 0 && s.to != 0, s.from > s.to, s.to > 63, s.from > 0 && len(s.components) > 1, s.high != 0 && s.low != s.high-1, s.low > 13:
		return malformed("a scan of coefficients %d to %d, bits %d to %d", s.from, s.to, s.high, s.low)
	}
	for _, c := range s.components {
		c.previous = c.known
		if first {
			c.previous = [64]int8{}
		}
		for k := s.from; k <= s.to; k++ {
			c.known[k] = int8(s.low)
		}
	}
	return nil
}

// scan reads the data of a scan.
func (d *decoder) scan(s *scan) error {
	d.count++
	d.bits = bitReader{data: d.data, pos: d.pos}
	r := reader{decoder: d, scan: s, left: d.restart}
	if err := r.run(); err != nil {
		return err
	}
	d.pos = d.bits.pos
	if d.bits.marker != 0 {
		d.pending = d.bits.marker
	}
	return nil
}

// reader reads the units of one scan.
type reader struct {
	*decoder
	*scan
	// left is how many units there are before the next restart, nextRestart the number of its marker, and skip how many blocks have no more coefficients.
	left, nextRestart, skip int
}

// run reads all units.
func (r *reader) run() error {
	if len(r.components) == 1 {
		return r.alone(r.components[0])
	}
	for y := range r.unitsY {
		for x := range r.unitsX {
			if err := r.begin(y); err != nil {
				return err
			}
			r.unit(x, y)
			if done, err := r.ended(); done {
				return err
			}
		}
		r.finish(y)
	}
	return nil
}

// finish computes the samples of a row of units if this is the only scan.
func (r *reader) finish(y int) {
	if r.multiple {
		return
	}
	for _, c := range r.components {
		for v := range c.v {
			if line := y*c.v + v; line < c.rows {
				c.transform(line, c.coefficients[64*v*c.stride:64*(v+1)*c.stride])
			}
		}
		clear(c.coefficients)
	}
}

// ended reports whether nothing more can be read: the file is at its end, or what is left of a scan that others may complete has no data.
func (r *reader) ended() (bool, error) {
	if r.bits.truncated {
		return true, ErrTruncated
	}
	restarts := r.restart > 0 && r.bits.marker >= rst0 && r.bits.marker <= rst7
	return r.multiple && r.bits.missing && !restarts, nil
}

// unit reads one unit of several components.
func (r *reader) unit(x, y int) {
	empty := r.bits.missing
	for _, c := range r.components {
		for v := range c.v {
			for h := range c.h {
				r.block(c, x*c.h+h, y*c.v+v, empty)
			}
		}
	}
}

// alone reads a scan of one component, whose units are its real blocks.
func (r *reader) alone(c *scanComponent) error {
	for y := range c.rows {
		for x := range c.columns {
			if err := r.begin(y / c.v); err != nil {
				return err
			}
			r.block(c, x, y, r.bits.missing)
			if done, err := r.ended(); done {
				return err
			}
		}
		if last := y == c.rows-1; last || (y+1)%c.v == 0 {
			r.finish(y / c.v)
		}
	}
	return nil
}

// begin begins a unit in a row of units.
func (r *reader) begin(row int) error {
	if !r.bits.missing {
		r.lastGood = row
	}
	if r.restart == 0 {
		return nil
	}
	if r.left == 0 {
		if err := r.restarted(); err != nil {
			return err
		}
	}
	r.left--
	return nil
}

// restarted reads a restart marker. One that is not the expected one is skipped if it should have come before, and waited for if it should come later: the
// units up to it have no data (libjpeg-turbo/libjpeg-turbo src/jdmarker.c).
func (r *reader) restarted() error {
	r.pos, r.pending = r.bits.pos, r.bits.marker
	m, err := r.next()
	for err == nil && !r.resumes(m) {
		if ahead := (int(m) - rst0 - r.nextRestart) & 7; m >= sof0 && (m < rst0 || m > rst7 || ahead == 1 || ahead == 2) {
			r.pending = m
			break
		}
		m, err = r.next()
	}
	if err != nil {
		return err
	}
	missing := r.pending != 0 && r.bits.missing
	r.bits = bitReader{data: r.data, pos: r.pos, marker: r.pending, missing: missing}
	r.pending = 0
	r.nextRestart = (r.nextRestart + 1) & 7
	r.left, r.skip = r.restart, 0
	for _, c := range r.components {
		c.last = 0
	}
	return nil
}

// resumes reports whether data goes on after a marker: the one that is expected, or one so far from it that it must be damaged.
func (r *reader) resumes(m byte) bool {
	ahead := (int(m) - rst0 - r.nextRestart) & 7
	return m >= rst0 && m <= rst7 && (ahead == 0 || ahead >= 3 && ahead <= 5)
}

// block reads what a scan has of one block; empty means that there is no more data.
func (r *reader) block(c *scanComponent, x, y int, empty bool) {
	if !r.multiple {
		y %= c.v
	}
	b := (*[64]int16)(c.coefficients[64*(y*c.stride+x):])
	if refinesDC := r.progressive && r.from == 0 && r.high > 0; empty && !refinesDC {
		return
	}
	switch {
	case !r.progressive:
		r.whole(c, b)
	case r.from == 0 && r.high == 0:
		c.last += extendedDC(&r.bits, c.dc)
		b[0] = int16(c.last << r.low)
	case r.from == 0:
		b[0] |= int16(r.bits.get(1) << r.low)
	case r.high == 0:
		r.spectrum(c, b)
	default:
		r.refine(c, b)
	}
}

func extendedDC(r *bitReader, h *huffman) int {
	n := int(r.symbol(h))
	return extend(r.get(n), n)
}

// whole reads a block of a sequential file. The bits are held in registers until they run low.
func (r *reader) whole(c *scanComponent, b *[64]int16) {
	c.last += extendedDC(&r.bits, c.dc)
	b[0] = int16(c.last)
	bits, values := &r.bits, c.ac.whole
	acc, n := bits.acc, bits.n
	for k := 1; k < 64; k++ {
		if n < 32 { // a code and a value have less
			bits.acc, bits.n = acc, n
			bits.fill()
			if bits.n < 32 { // close to the end
				r.rest(c, b, k)
				return
			}
			acc, n = bits.acc, bits.n
		}
		if entry := values[acc>>(64-look)]; entry != 0 {
			k += int(entry >> 8 & 15)
			used := int(entry & 63)
			acc, n = acc<<used, n-used
			b[natural[k]&63] = int16(entry >> 16)
			continue
		}
		entry := int(c.ac.fast[acc>>(64-look)])
		length, s := entry>>8, byte(entry)
		if entry == 0 {
			length, s = c.ac.slow(uint32(acc >> 48))
		}
		acc, n = acc<<length, n-length
		run, size := int(s>>4), int(s&15)
		if size == 0 {
			if run != 15 {
				break
			}
			k += 15
			continue
		}
		k += run
		b[natural[k]&63] = int16(extend(int(acc>>(64-size)), size))
		acc, n = acc<<size, n-size
	}
	bits.acc, bits.n = acc, n
}

// rest reads a block from coefficient k on where the bits may end.
func (r *reader) rest(c *scanComponent, b *[64]int16, k int) {
	bits := &r.bits
	for ; k < 64; k++ {
		s := bits.symbol(c.ac)
		run, n := int(s>>4), int(s&15)
		if n == 0 {
			if run != 15 {
				break
			}
			k += 15
			continue
		}
		k += run
		v := int(bits.acc >> (64 - n))
		bits.drop(n)
		b[natural[k]] = int16(extend(v, n))
	}
}

// spectrum reads the higher bits of coefficients.
func (r *reader) spectrum(c *scanComponent, b *[64]int16) {
	if r.skip > 0 {
		r.skip--
		return
	}
	for k := r.from; k <= r.to; k++ {
		s := r.bits.symbol(c.ac)
		run, n := int(s>>4), int(s&15)
		if n == 0 {
			if run == 15 {
				k += 15
				continue
			}
			r.skip = 1<<run - 1 + r.bits.get(run)
			return
		}
		k += run
		b[natural[k]] = int16(extend(r.bits.get(n), n) << r.low)
	}
}

// refine reads one more bit of coefficients.
func (r *reader) refine(c *scanComponent, b *[64]int16) {
	plus, minus := int16(1)<<r.low, int16(-1)<<r.low
	k := r.from
	for ; r.skip == 0 && k <= r.to; k++ {
		s := r.bits.symbol(c.ac)
		run, n := int(s>>4), int(s&15)
		value := int16(0)
		if n != 0 { // 1, or damaged
			value = minus
			if r.bits.get(1) == 1 {
				value = plus
			}
		} else if run != 15 {
			r.skip = 1<<run + r.bits.get(run)
			break
		}
		k = r.pass(b, k, run, plus, minus)
		if value != 0 {
			b[natural[k]] = value
		}
	}
	if r.skip > 0 {
		r.pass(b, k, 64, plus, minus)
		r.skip--
	}
}

// pass refines coefficients from k on, up to the one after so many that are zero, whose position it returns.
func (r *reader) pass(b *[64]int16, k, zeros int, plus, minus int16) int {
	for ; k <= r.to; k++ {
		v := &b[natural[k]]
		if *v == 0 {
			if zeros == 0 {
				break
			}
			zeros--
			continue
		}
		if r.bits.get(1) == 1 && *v&plus == 0 {
			if *v >= 0 {
				*v += plus
			} else {
				*v += minus
			}
		}
	}
	return k
}
