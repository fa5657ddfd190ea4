package static

// Days and months as HTTP-date names them (RFC 9110 §5.6.7).
const (
	dayNames   = "SunMonTueWedThuFriSat"
	monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

const secondsPerDay = 86400

// pivotYears: a two-digit year that seems further than this in the future is
// of the past century (RFC 9110 §5.6.7).
const pivotYears = 50

// ParseDate reads an HTTP-date in any of its three formats (RFC 9110 §5.6.7)
// into seconds since 1970. now, in the same unit, settles two-digit years. The
// name of the day must be one, but is not compared with the date.
func ParseDate(b []byte, now int64) (int64, bool) {
	if len(b) < 4 || dayIndex(b[:3]) < 0 {
		return 0, false
	}
	switch {
	case len(b) == 29 && b[3] == ',':
		return parseIMF(b)
	case len(b) == 24 && b[3] == ' ':
		return parseAsctime(b)
	}
	return parseRFC850(b, now)
}

// parseIMF: "Sun, 06 Nov 1994 08:49:37 GMT".
func parseIMF(b []byte) (int64, bool) {
	if b[4] != ' ' || b[7] != ' ' || b[11] != ' ' || b[16] != ' ' || string(b[25:]) != " GMT" {
		return 0, false
	}
	return civil(number(b[12:16]), monthIndex(b[8:11]), number(b[5:7]), b[17:25])
}

// parseAsctime: "Sun Nov  6 08:49:37 1994".
func parseAsctime(b []byte) (int64, bool) {
	if b[7] != ' ' || b[10] != ' ' || b[19] != ' ' {
		return 0, false
	}
	day := number(b[8:10])
	if b[8] == ' ' {
		day = number(b[9:10])
	}
	return civil(number(b[20:24]), monthIndex(b[4:7]), day, b[11:19])
}

// parseRFC850: "Sunday, 06-Nov-94 08:49:37 GMT".
func parseRFC850(b []byte, now int64) (int64, bool) {
	name, rest := cut(b, ',')
	if !longDay(name) || len(rest) != 23 || rest[0] != ' ' || rest[3] != '-' || rest[7] != '-' || rest[10] != ' ' || string(rest[19:]) != " GMT" {
		return 0, false
	}
	short := number(rest[8:10])
	if short < 0 {
		return 0, false
	}
	thisYear, _, _ := daysToCivil(floorDiv(now, secondsPerDay))
	year := thisYear - thisYear%100 + short
	if year > thisYear+pivotYears {
		year -= 100
	}
	return civil(year, monthIndex(rest[4:7]), number(rest[1:3]), rest[11:19])
}

func longDay(name []byte) bool {
	switch string(name) {
	case "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday":
		return true
	}
	return false
}

// civil checks the parts of a date and joins them; clock is "08:49:37".
func civil(year, month, day int, clock []byte) (int64, bool) {
	h, m, s := number(clock[0:2]), number(clock[3:5]), number(clock[6:8])
	if clock[2] != ':' || clock[5] != ':' || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60 {
		return 0, false
	}
	if year < 0 || month < 1 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	return civilToDays(year, month, day)*secondsPerDay + int64(h*3600+m*60+s), true
}

// number reads digits only; -1 if there is anything else.
func number(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func dayIndex(b []byte) int   { return nameIndex(b, dayNames) }
func monthIndex(b []byte) int { return nameIndex(b, monthNames) + 1 }

func nameIndex(b []byte, names string) int {
	for i := 0; i < len(names); i += 3 {
		if string(b) == names[i:i+3] {
			return i / 3
		}
	}
	return -1
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// civilToDays counts days from 1970-01-01 in the Gregorian calendar. Years
// begin in March, so that the leap day is the last.
func civilToDays(year, month, day int) int64 {
	y := int64(year)
	if month <= 2 {
		y--
	}
	era := floorDiv(y, 400)
	yearOfEra := y - era*400
	dayOfYear := int64((153*((month+9)%12)+2)/5 + day - 1)
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return era*146097 + dayOfEra - 719468
}

func daysToCivil(days int64) (year, month, day int) {
	days += 719468
	era := floorDiv(days, 146097)
	dayOfEra := days - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	m := (5*dayOfYear + 2) / 153
	day = int(dayOfYear-(153*m+2)/5) + 1
	month = int(m)%12 + 3
	if month > 12 {
		month -= 12
	}
	year = int(yearOfEra + era*400)
	if month <= 2 {
		year++
	}
	return year, month, day
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// AppendDate appends seconds since 1970 as an IMF-fixdate. Years outside
// 0…9999 have no such form and nothing is appended.
func AppendDate(dst []byte, unix int64) []byte {
	days := floorDiv(unix, secondsPerDay)
	clock := int(unix - days*secondsPerDay)
	year, month, day := daysToCivil(days)
	if year < 0 || year > 9999 {
		return dst
	}
	weekday := int((days%7 + 7 + 4) % 7) // 1970-01-01 was a Thursday
	dst = append(dst, dayNames[weekday*3:weekday*3+3]...)
	dst = append(dst, ',', ' ')
	dst = appendTwo(dst, day)
	dst = append(dst, ' ')
	dst = append(dst, monthNames[(month-1)*3:month*3]...)
	dst = append(dst, ' ')
	dst = appendTwo(dst, year/100)
	dst = appendTwo(dst, year%100)
	dst = append(dst, ' ')
	dst = appendTwo(dst, clock/3600)
	dst = append(dst, ':')
	dst = appendTwo(dst, clock/60%60)
	dst = append(dst, ':')
	dst = appendTwo(dst, clock%60)
	return append(dst, " GMT"...)
}

func appendTwo(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}
