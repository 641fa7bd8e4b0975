package testimages

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/binary"

	"crypto/aes"
)

// A LUKS version 1 header: aes-cbc-plain64 with sha256, one key slot in use.
const (
	luksSlots      = 8
	luksStripes    = 4000
	luksIterations = 1000
	luksKeyLen     = 16
	luksSlotBytes  = (luksKeyLen*luksStripes + 4095) &^ 4095
	luksHeaderLen  = 4096 + luksSlots*luksSlotBytes
)

// masterKey is what guest data is encrypted with; any 16 bytes do.
var masterKey = []byte("qcowscope-luks-k")

// layLUKS writes the LUKS header and key slots to clusters of their own.
func (b *builder) layLUKS() error {
	c, err := b.alloc(b.clustersFor(luksHeaderLen))
	if err != nil {
		return err
	}
	b.crypt, b.cryptLen = b.host(c), luksHeaderLen
	area := b.file[b.crypt:][:luksHeaderLen]
	salt := sha256.Sum256([]byte("salt"))
	if err := writeLUKSHeader(area, salt[:]); err != nil {
		return err
	}
	slotKey, err := pbkdf2.Key(sha256.New, password, salt[:], luksIterations, luksKeyLen)
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(slotKey)
	if err != nil {
		return err
	}
	material := area[4096:][:(luksKeyLen*luksStripes+sectorSize-1)/sectorSize*sectorSize]
	splitKey(material)
	encryptSectors(block, material, 0)
	b.cipher, err = newCipher(masterKey, true)
	return err
}

func writeLUKSHeader(area, salt []byte) error {
	digest, err := pbkdf2.Key(sha256.New, string(masterKey), salt, luksIterations, 20)
	if err != nil {
		return err
	}
	be := binary.BigEndian
	copy(area, "LUKS\xba\xbe\x00\x01")
	copy(area[8:40], "aes")
	copy(area[40:72], "cbc-plain64")
	copy(area[72:104], "sha256")
	be.PutUint32(area[104:], luksHeaderLen/sectorSize) // payload offset
	be.PutUint32(area[108:], luksKeyLen)
	copy(area[112:132], digest)
	copy(area[132:164], salt)
	be.PutUint32(area[164:], luksIterations)
	copy(area[168:208], "3d7c9a50-6f0e-4d4f-9c1b-0a2f5c7e1b11")
	for i := range luksSlots {
		slot := area[208+48*i:]
		active := uint32(0x0000dead)
		if i == 0 {
			active = 0x00ac71f3
			be.PutUint32(slot[4:], luksIterations)
			copy(slot[8:40], salt)
		}
		be.PutUint32(slot, active)
		be.PutUint32(slot[40:], uint32(4096+i*luksSlotBytes)/sectorSize)
		be.PutUint32(slot[44:], luksStripes)
	}
	return nil
}

// splitKey fills material with stripes that only together give the master key
// (the anti-forensic splitter of LUKS): random stripes would do, zeros do as well.
func splitKey(material []byte) {
	mix := make([]byte, luksKeyLen)
	for i := range luksStripes - 1 {
		stripe := material[i*luksKeyLen:][:luksKeyLen]
		for j := range mix {
			mix[j] ^= stripe[j]
		}
		mix = diffuse(mix)
	}
	last := material[(luksStripes-1)*luksKeyLen:]
	for j := range mix {
		last[j] = mix[j] ^ masterKey[j]
	}
}

// diffuse hashes a block of at most one digest, as LUKS's splitter does.
func diffuse(block []byte) []byte {
	sum := sha256.Sum256(append([]byte{0, 0, 0, 0}, block...))
	return sum[:len(block)]
}
