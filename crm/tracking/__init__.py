"""What the SDKs of Segment and RudderStack, and our own snippet, tell of people: `/v1/…`.

`bodies` reads what comes over the wire, `translate` and `traits` say what a message means in our words (pure),
`whose` who it is about (pure), `taking` brings a batch in, `views` answers as the SDKs expect.
"""
