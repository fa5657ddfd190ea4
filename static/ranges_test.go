package static

import (
	"slices"
	"strings"
	"testing"
)

func TestParseRanges(t *testing.T) {
	many := "bytes=" + strings.TrimSuffix(strings.Repeat("0-0,", maxRangeSpecs), ",")
	tests := []struct {
		value  string
		size   int64
		result RangeResult
		want   []Range
	}{
		{"bytes=0-0", 1000, RangeSatisfiable, []Range{{0, 1}}},
		{"bytes=0-499", 10000, RangeSatisfiable, []Range{{0, 500}}},
		{"Bytes=9500-", 10000, RangeSatisfiable, []Range{{9500, 500}}},
		{"bytes=-500", 10000, RangeSatisfiable, []Range{{9500, 500}}},
		{"bytes=-50000", 10000, RangeSatisfiable, []Range{{0, 10000}}},
		{"bytes=9999-99999", 10000, RangeSatisfiable, []Range{{9999, 1}}},
		{"bytes=0-99999999999999999999999", 10, RangeSatisfiable, []Range{{0, 10}}},
		{"bytes=-99999999999999999999999", 10, RangeSatisfiable, []Range{{0, 10}}},
		{"bytes=0-0,-1", 10000, RangeSatisfiable, []Range{{0, 1}, {9999, 1}}},
		{"bytes=-1, 0-0", 10000, RangeSatisfiable, []Range{{9999, 1}, {0, 1}}},
		{"bytes= 0-0 ,, 5000-5001 ,", 10000, RangeSatisfiable, []Range{{0, 1}, {5000, 2}}},
		{"bytes=0-0,20000-", 10000, RangeSatisfiable, []Range{{0, 1}}},
		{"bytes=0-100,50-200", 10000, RangeSatisfiable, []Range{{0, 201}}},
		{"bytes=5000-5001,0-10,4990-4999", 10000, RangeSatisfiable, []Range{{4990, 12}, {0, 11}}},
		{"bytes=0-0,1000-1000,0-999", 10000, RangeSatisfiable, []Range{{0, 1001}}},
		{"bytes=0-0,128-128", 10000, RangeSatisfiable, []Range{{0, 129}}},
		{"bytes=0-0,130-130", 10000, RangeSatisfiable, []Range{{0, 1}, {130, 1}}},
		{many, 10, RangeSatisfiable, []Range{{0, 1}}},
		{many + ",0-0", 10, RangeIgnored, nil},
		{"bytes=10000-", 10000, RangeUnsatisfiable, nil},
		{"bytes=99999999999999999999999-", 10000, RangeUnsatisfiable, nil},
		{"bytes=10000-10001,-0", 10000, RangeUnsatisfiable, nil},
		{"bytes=-0", 10000, RangeUnsatisfiable, nil},
		{"bytes=0-", 0, RangeUnsatisfiable, nil},
		{"bytes=-5", 0, RangeIgnored, nil},
		{"bytes=-0", 0, RangeUnsatisfiable, nil},
		{"bytes=5-4", 10, RangeIgnored, nil},
		{"bytes=0-1,5-4", 10, RangeIgnored, nil},
		{"bytes=", 10, RangeIgnored, nil},
		{"bytes=,", 10, RangeIgnored, nil},
		{"bytes=-", 10, RangeIgnored, nil},
		{"bytes=a-b", 10, RangeIgnored, nil},
		{"bytes=1", 10, RangeIgnored, nil},
		{"bytes=1-2-3", 10, RangeIgnored, nil},
		{"bytes=--1", 10, RangeIgnored, nil},
		{"bytes=+1-2", 10, RangeIgnored, nil},
		{"bytes=1 - 2", 10, RangeIgnored, nil},
		{"bytes 0-1", 10, RangeIgnored, nil},
		{"items=0-1", 10, RangeIgnored, nil},
		{"", 10, RangeIgnored, nil},
	}
	for _, tt := range tests {
		got, result := ParseRanges(nil, []byte(tt.value), tt.size)
		if result != tt.result || !slices.Equal(got, tt.want) {
			t.Errorf("ParseRanges(%q, %d) = %v, %s, want %v, %s", tt.value, tt.size, got, result, tt.want, tt.result)
		}
	}
}

func FuzzRanges(f *testing.F) {
	for _, s := range []string{"bytes=0-0,-1", "bytes=5-4", "bytes=0-100,50-200,-7,300-", "bytes=,,1-1,", "bytes=9999999999999999999-"} {
		f.Add([]byte(s), int64(1000))
	}
	f.Fuzz(func(t *testing.T, value []byte, size int64) {
		if size < 0 {
			return
		}
		got, result := ParseRanges(nil, value, size)
		if (result == RangeSatisfiable) != (len(got) > 0) || len(got) > maxRangeSpecs {
			t.Fatalf("%q of %d: %v, %s", value, size, got, result)
		}
		for i, r := range got {
			if r.Offset < 0 || r.Length < 1 || r.Length > size-r.Offset {
				t.Fatalf("%q of %d: %v", value, size, r)
			}
			for _, o := range got[:i] {
				if touches(o, r) {
					t.Fatalf("%q of %d: %v and %v were not joined", value, size, o, r)
				}
			}
		}
	})
}
