package demo

import "github.com/waxseal/waxseal/internal/access"

// Officer is the login that the visitor is signed in with.
const Officer = "p.lindqvist"

// Person is somebody of the sample firm who can sign in.
type Person struct {
	Login, Name string
	Role        access.Role
	Days        int // until the account ends; zero: no end
}

// People are those who run the archive of the sample firm and read it, in the
// order in which their accounts were made.
func People() []Person {
	return []Person{
		{Login: "i.tavares", Name: "Ines Tavares", Role: access.Administrator},
		{Login: Officer, Name: "Petra Lindqvist", Role: access.Officer},
		{Login: "s.adeyemi", Name: "Samuel Adeyemi", Role: access.Reviewer},
		{Login: "c.dubois", Name: "Claire Dubois", Role: access.Legal},
		{Login: "a.yilmaz", Name: "Amina Yilmaz", Role: access.Auditor, Days: 90},
	}
}
