namespace SelfSup.IntegrationTests;
