use super::*;

/// `«secret»` in `pattern` marks what must be masked.
fn check(pattern: &str) {
    let text = pattern.replace(['«', '»'], "");
    let mut expected = String::new();
    for (index, part) in pattern.split(['«', '»']).enumerate() {
        expected.push_str(if index % 2 == 1 { REDACTED } else { part });
    }
    assert_eq!(mask_text(&text), expected, "{text}");
    assert_eq!(mask_text(&expected), expected, "masked twice: {text}");
}

#[test]
fn passwords_and_keys_in_their_spellings() {
    for pattern in [
        "password=«hunter2»",
        "spark.hadoop.fs.s3a.secret.key=«wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»",
        "spark.hadoop.fs.s3a.secret.key -> «x»",
        "(spark.ssl.keyPassword,«abc»)",
        r#"{"user":"ada","password":"«hun,ter 2»","port":5432}"#,
        r#"{"event":"{\"password\":\"«hunter2»\"}"}"#,
        "conf['password'] = '«hunter2»'",
        "jdbc:sqlserver://db:1433;user=sa;password=«p;w,d»;encrypt=true",
        "jdbc:sqlserver://db;Pwd=«hunter2»;",
        "DB_PASSWORD=«hunter2» DB_USER=ada",
        "--password «hunter2» --table t",
        "-Dhttps.proxyPassword=«hunter2»",
        "password: «hunter2»",
        "  password: «correcthorse»",
        "<password>«hunter2»</password>",
        "<name>fs.s3a.secret.key</name><value>«abc»</value>",
        "aws_secret_access_key = «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»",
        "AWS_SESSION_TOKEN=«FwoGZXIvYXdzEBYaDH7»",
        "fs.azure.account.key.store.blob.core.windows.net=«Zm9vYmFy==»",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=«Zm9v+/Yg==»;EndpointSuffix=core.windows.net",
        "client_secret=«a~b.c»&grant_type=client_credentials",
        "access_token=«ya12345678»&x=1",
        "apiKey: '«abc»'",
        "Config(user=ada, password=«hunter2», port=1)",
    ] {
        check(pattern);
    }
}

#[test]
fn urls_and_headers() {
    for pattern in [
        "postgres://ada:«hunter2»@db:5432/sales",
        "connecting to https://ada:«p@ss:w»@host/path?x=1, retrying",
        "jdbc:oracle:thin:scott/«tiger»@//db:1521/orcl",
        // The name before a password is a secret too: how git hosts take tokens.
        "cloning https://«ghp_0123456789abcdefghijABCDEFGHIJ012345»:«x-oauth-basic»@github.com/a/b",
        "jdbc:postgresql://fs.s3a.access.key=«AKIAIOSFODNN7EXAMPLEada:hunter2@db:5432/sales» x",
        "https://a.blob.core.windows.net/c/b?sv=2024&se=2026-01-01&sig=«aB3%2Fxyz9%3D»&sp=r",
        "s3.amazonaws.com/b/k?X-Amz-Credential=«AKIAIOSFODNN7EXAMPLE%2F20260131»&X-Amz-Date=1&X-Amz-Signature=«fe5f80f77d5fa3beca038a248ff027»",
        "?X-Amz-Security-Token=«IQoJb3JpZ2luX2VjE»&a=b",
        "Authorization: Bearer «abc123.def-456»",
        "Authorization: Basic «YWRhOmh1bnRlcjI=»",
        "authorization=bearer «0123456789abcdef»",
        "Authorization: SharedKey «account:aGVsbG8xMjM=»",
    ] {
        check(pattern);
    }
}

#[test]
fn keys_and_tokens_by_their_shape() {
    for pattern in [
        "key «AKIAIOSFODNN7EXAMPLE» is not authorized",
        "(«ASIAIOSFODNN7EXAMPLE»)",
        "got «eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P» from there",
        "remote: «ghp_0123456789abcdefghijABCDEFGHIJ012345»",
        "«github_pat_11ABCDEFG0123456789_abcdefghij»",
        "«xoxb-123456789012-abcdefABCDEF»",
        "«dapi0123456789abcdef0123456789abcdef»",
        "«AIzaSyA0123456789_abcdefghijklmnopqrstu»",
    ] {
        check(pattern);
    }
}

#[test]
fn private_keys_line_by_line() {
    check("a\n-----BEGIN RSA PRIVATE KEY-----\n«MIIEowIBAAKCAQEA»\n«abc/def+ghi=»\n-----END RSA PRIVATE KEY-----\nb");
    check(r#"{"private_key": "-----BEGIN PRIVATE KEY-----«\nMIIE\nabc\n»-----END PRIVATE KEY-----\n"}"#);
    check("-----BEGIN PRIVATE KEY-----\n«MIIEowIBAAKCAQEA»\n«abcdef»\n26/01/31 12:00:00 INFO cut off above");
    check("-----BEGIN Bearer «ABCDEFGH01234567PRIVATE» KEY-----");
    check("-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEA\n-----END CERTIFICATE-----");
}

#[test]
fn prose_code_and_addresses_stay() {
    for text in [
        "",
        "org.apache.hadoop.security.token.SecretManager$InvalidToken: token (HDFS_DELEGATION_TOKEN token 123 for ada) can't be found in cache",
        "INFO SecurityManager: SecurityManager: authentication disabled; ui acls disabled",
        "Kind: HDFS_DELEGATION_TOKEN, Service: 10.0.0.1:8020, Ident: (token for ada: HDFS_DELEGATION_TOKEN owner=ada)",
        "mismatched input 'FORM' expecting token: <EOF>",
        "Exception: The security token included in the request is invalid",
        "INFO HadoopDelegationTokenManager: Scheduling renewal in 18.0 h.",
        "The password is wrong: check it",
        "spark://CoarseGrainedScheduler@10.0.0.7:41233",
        "abfss://container@account.dfs.core.windows.net/path",
        "hdfs://namenode:8020/user/ada@example.com/x",
        "akka.tcp://sparkDriver@10.0.0.7:5000",
        "HTTP Basic authentication failed; Bearer authentication is needed",
        "PWD=/opt/spark/work-dir",
        "password=${DB_PASSWORD}",
        "password=null, token=none",
        "if (password == expected) token = parser.next()",
        "  File \"job.py\", line 8, in get_token",
        "fs.s3a.aws.credentials.provider=org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider",
        "No AWS Credentials provided by TemporaryAWSCredentialsProvider : shaded.AmazonClientException",
        "secretName: my-secret",
    ] {
        assert_eq!(mask_text(text), text);
        assert!(matches!(mask_text(text), Cow::Borrowed(_)), "{text}");
    }
}

#[test]
fn many_hostile_words_take_linear_time() {
    let text = ["token:", "://", "password", "-----BEGIN PRIVATE KEY-----", "eyJ", "sig="].concat().repeat(20_000);
    let started = std::time::Instant::now();
    mask_text(&text);
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
}
